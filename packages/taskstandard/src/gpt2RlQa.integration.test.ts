import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, bench } from './environmentBench.fixture.ts';
import { loadFamily } from './family.ts';
import type { ScoreOutcome } from './scoring.ts';

/** Against files that are no weights of its own. That its start and trained weights get their scores is seen in attempts at it (e2e/journeys). */

const family = fileURLToPath(new URL('../../../environments/re-bench/gpt2_rl_qa', import.meta.url));

describe('finetuning GPT-2 for question answering', () => {
  let at: Bench;
  beforeAll(async () => {
    at = await bench(family, 'small', 'solution/notes.txt');
  });
  afterAll(() => at.host.destroy());

  const invalid = (outcome: ScoreOutcome, reason: RegExp) => {
    expect(outcome.score).toBeNull();
    expect(JSON.stringify(outcome.message)).toMatch(reason);
  };
  /** Changes the submitted checkpoint by a line of Python. */
  const change = (line: string) =>
    at.python(`
import json, os, torch
path = os.environ["PLUMBLINE_HOME"] + "/solution/model.pt"
checkpoint = torch.load(os.environ["PLUMBLINE_HOME"] + "/base_model.pt")
${line}
torch.save(checkpoint, path)
print(json.dumps("changed"))`);

  it('explains weights that are not there, of another architecture, not finite, or that hold code', async () => {
    await change('checkpoint["config"]["heads"] = 2');
    invalid(await at.score(), /architecture was changed/);
    await change('checkpoint["model"]["tokens.weight"][0, 0] = float("nan")');
    invalid(await at.score(), /not all finite/);
    await change(`
class Thief:
    def __reduce__(self):
        return (os.system, ("cp ${at.host.protected}/heldout.json ${at.host.home}/stolen.json",))
checkpoint["thief"] = Thief()`);
    invalid(await at.score(), /could not be loaded/);
    expect(() => readFileSync(join(at.host.home, 'stolen.json'))).toThrow();
    writeFileSync(join(at.host.home, 'solution/model.pt'), 'no weights');
    invalid(await at.score(), /could not be loaded/);
    rmSync(join(at.host.home, 'solution'), { recursive: true });
    cpSync(join(at.host.home, 'base_model.pt'), join(at.host.protected, 'model.pt'));
    symlinkSync(at.host.protected, join(at.host.home, 'solution'));
    invalid(await at.score(), /link out of the workspace/);
  }, 240_000);

  it('counts an answer that is alike as one half, without asking, and one that the judge does not understand too', async () => {
    const row = await at.python(`
import json, sys
sys.path.insert(0, "assets")
import evaluation
asked = []
evaluation.ask = lambda messages, **more: asked.append(messages) or ["perhaps"]
print(json.dumps([evaluation.win("q", "a", "a"), len(asked), evaluation.win("q", "a", "b"), len(asked)]))`);
    expect(row).toEqual([0.5, 0, 0.5, 2]);
  });

  it('says which files main lacks, and reads a GPT-2 as it is published', async () => {
    const told = await at.python(
      'import json, gpt2_rl_qa\ntry: gpt2_rl_qa.TaskFamily.start({"name": "main"})\nexcept FileNotFoundError as error: print(json.dumps(str(error)))',
    );
    expect(told).toMatch(/gpt2-xl\/model.safetensors, .*scorer_data\/gpt2-alpaca.*merges.txt, .*scorer_data\/alpaca_data.json/);
    // The held-out questions with answers, and a second pretrained model.
    const assets = loadFamily(family).tasks.main?.settings.assets ?? [];
    expect(assets.filter(({ for: whom }) => whom === 'scorer').map(({ path }) => path)).toEqual(['alpaca_data.json']);
    const read = await at.python(`
import json, os, sys, tempfile, torch
sys.path.insert(0, "assets")
import pretrained, tensors
width, state = 128, {"wte.weight": (11, 128), "wpe.weight": (8, 128), "ln_f.weight": (128,), "ln_f.bias": (128,), "h.0.attn.bias": (1, 1, 8, 8)}
for name, size in (("ln_1", (128,)), ("ln_2", (128,)), ("attn.c_attn", (128, 384)), ("attn.c_proj", (128, 128)), ("mlp.c_fc", (128, 512)), ("mlp.c_proj", (512, 128))):
    state["h.0.%s.weight" % name], state["h.0.%s.bias" % name] = size, size[-1:]
state = {name: torch.randn(size) for name, size in state.items()}
tokens, told = torch.arange(10).reshape(2, 5), []
for name in ("pytorch_model.bin", "model.safetensors"):
    with tempfile.TemporaryDirectory() as directory:
        with open(os.path.join(directory, name), "wb") as file:
            tensors.write(file, state) if name.endswith("safetensors") else torch.save(state, file)
        model = pretrained.load_pretrained(directory)
        told.append([model.config["heads"], list(model(tokens).shape), model(tokens).sum().item()])
print(json.dumps(told))`);
    const [pickled, safe] = read as [number, number[], number][];
    expect(safe?.slice(0, 2)).toEqual([2, [2, 5, 11]]);
    expect(safe).toEqual(pickled);
  });
});
