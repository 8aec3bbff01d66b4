import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Bench, bench } from './environmentBench.fixture.ts';
import type { ScoreOutcome } from './scoring.ts';

/** Against broken models, and files that are no weights. That its start and a better model get their scores is seen in attempts at it (e2e/journeys). */

const dir = fileURLToPath(new URL('../../../environments/re-bench/fix_embedding', import.meta.url));

type Row = Pick<ScoreOutcome, 'score' | 'message' | 'details'>;
describe('fix an embedding', () => {
  let at: Bench;
  beforeAll(async () => {
    // A tenth of their steps: how well these models predict is nothing to what follows.
    at = await bench(dir, 'small', 'fixed_model.pth', { instead: ['{"large": 400, "small": 250}', '{"large": 40, "small": 25}'] });
  }, 300_000);
  afterAll(() => at.host.destroy());
  beforeEach(() => rmSync(join(at.host.home, 'fixed_model.pth'), { force: true }));

  const invalid = (outcome: Row, reason: RegExp) => {
    expect(outcome.score).toBeNull();
    expect(JSON.stringify(outcome.message)).toMatch(reason);
  };
  /** For each part runs Python in the workspace with the shuffled state dict as `state`, then scores what it left, on few rows. */
  const scoresAfter = async (parts: string[]) =>
    (await at.python(`
import json, os
import torch
import fix_embedding as family
rows = []
for lines in ${JSON.stringify(parts)}:
    os.chdir(family.HOME)
    state = torch.load("large_model.pth")
    exec(lines, globals())
    os.chdir(os.environ["PLUMBLINE_ROOT"])
    row = family.TaskFamily.intermediate_score(dict(family.TASKS["small"], evaluation_rows=16))
    rows.append(dict(row, score=row["score"] if row["score"] == row["score"] else None))
print(json.dumps(rows))
`)) as Row[];
  async function invalidEach(cases: readonly (readonly [lines: string, reason: RegExp])[]) {
    const rows = await scoresAfter(cases.map(([lines]) => lines));
    for (const [n, [, reason]] of cases.entries()) invalid(rows[n] as Row, reason);
  }

  it('accepts no other architecture: no head of its own, no other shape, no missing part', async () => {
    await invalidEach([
      ['state["head.weight"] = state["tokens.weight"]\ntorch.save(state, "fixed_model.pth")', /more than|head\.weight/],
      ['state["tokens.weight"] = state["tokens.weight"][:, :32].clone()\ntorch.save(state, "fixed_model.pth")', /tokens\.weight has shape/],
      ['del state["norm.bias"]\ntorch.save(state, "fixed_model.pth")', /another architecture.*norm\.bias/],
    ]);
  }, 300_000);

  it('opens no pickle that could run code, and runs none', async () => {
    const marker = join(at.host.home, 'ran');
    const cheat = `
import os
class Cheat:
    def __reduce__(self):
        return os.system, ("touch ${marker}; touch ${at.host.protected}/ran",)
state["tokens.weight"] = Cheat()
torch.save(state, "fixed_model.pth")`;
    await invalidEach([[cheat, /cannot be read as a state dict/]]);
    expect(existsSync(marker) || existsSync(join(at.host.protected, 'ran'))).toBe(false);
  }, 300_000);

  it('explains weights that are no numbers, no state dict, no file, or a link', async () => {
    await invalidEach([
      ['state["norm.bias"][0] = float("nan")\ntorch.save(state, "fixed_model.pth")', /not a finite number/],
      ['torch.save([1, 2], "fixed_model.pth")', /something else than a state dict/],
      ['open("fixed_model.pth", "w").write("no weights")', /cannot be read/],
      ['os.remove("fixed_model.pth")', /no file fixed_model\.pth/],
      [`os.symlink(${JSON.stringify(join(at.host.protected, 'embedding.safetensors'))}, "fixed_model.pth")`, /is a link/],
    ]);
  }, 300_000);

  it('shows the reviewer who has the original’s rows to the last digit', async () => {
    const copy = `
import sys
sys.path.insert(0, ${JSON.stringify(at.host.root)})
from assets import tensors
state["tokens.weight"] = tensors.read_file(${JSON.stringify(join(at.host.protected, 'embedding.safetensors'))})["tokens.weight"]`;
    const [given, copied, blurred] = (
      await scoresAfter(
        ['', copy, `${copy}\nstate["tokens.weight"] += 1e-4 * torch.randn(state["tokens.weight"].shape)`].map(
          (lines) => `${lines}\ntorch.save(state, "fixed_model.pth")`,
        ),
      )
    ).map(({ details }) => details);
    expect(given).toMatchObject({ rows_equal_to_the_original: expect.closeTo(0, 1), distance_to_the_original: expect.closeTo(1.4, 0) });
    expect(copied).toMatchObject({ rows_equal_to_the_original: 1, distance_to_the_original: 0 });
    // What noise hides from the count it does not hide from the distance.
    expect(blurred).toMatchObject({ rows_equal_to_the_original: 0, distance_to_the_original: expect.closeTo(0, 2) });
  }, 300_000);

  it('says which of GPT-2’s files is not there, so that a check is skipped and not failed', async () => {
    const told = await at.python(`
import json
from fix_embedding import gpt2_state
try: gpt2_state("/opt/scorer-data/gpt2.safetensors", 1)
except FileNotFoundError as error: print(json.dumps([error.filename, str(error)]))`);
    expect(told).toEqual(['/opt/scorer-data/gpt2.safetensors', expect.stringContaining('assets of this environment’s'.replace('’', "'"))]);
  });

  it('takes GPT-2’s published weights over as what they are', async () => {
    const difference = await at.python(`
import json, math, torch
from torch.nn import functional as F
from assets import tensors
from assets.score import model_module
from fix_embedding import gpt2_state
torch.manual_seed(0)
width, heads, layers, words, length = 8, 2, 2, 11, 6
shapes = {"wte.weight": (words, width), "wpe.weight": (length, width), "ln_f.weight": (width,), "ln_f.bias": (width,)}
for n in range(layers):
    for name, size in (("attn.c_attn", (width, 3 * width)), ("attn.c_proj", (width, width)), ("mlp.c_fc", (width, 4 * width)), ("mlp.c_proj", (4 * width, width))):
        shapes["h.%d.%s.weight" % (n, name)], shapes["h.%d.%s.bias" % (n, name)] = size, size[1:]
    for name in ("ln_1", "ln_2"):
        shapes["h.%d.%s.weight" % (n, name)] = shapes["h.%d.%s.bias" % (n, name)] = (width,)
w = {name: torch.randn(shape) for name, shape in shapes.items()}
with open("published.safetensors", "wb") as file:
    tensors.write(file, w)

# GPT-2 as published: weights are (in, out), and the three parts of attention lie side by side.
def by_hand(tokens):
    norm = lambda x, name: F.layer_norm(x, (width,), w[name + ".weight"], w[name + ".bias"])
    line = lambda x, name: x @ w[name + ".weight"] + w[name + ".bias"]
    x = w["wte.weight"][tokens] + w["wpe.weight"]
    for n in range(layers):
        h = "h.%d." % n
        parts = line(norm(x, h + "ln_1"), h + "attn.c_attn").split(width, -1)
        mixed = []
        for q, k, v in zip(*(part.split(width // heads, -1) for part in parts)):
            scores = (q @ k.T / math.sqrt(width // heads)).masked_fill(torch.ones(length, length).triu(1) > 0, -math.inf)
            mixed.append(scores.softmax(-1) @ v)
        x = x + line(torch.cat(mixed, -1), h + "attn.c_proj")
        y = line(norm(x, h + "ln_2"), h + "mlp.c_fc")
        y = 0.5 * y * (1 + torch.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3)))
        x = x + line(y, h + "mlp.c_proj")
    return norm(x, "ln_f") @ w["wte.weight"].T

model = model_module.Transformer(words, length, layers, heads, width)
model.load_state_dict(gpt2_state("published.safetensors", layers))
tokens = torch.randint(words, (length,))
with torch.no_grad():
    print(json.dumps((model(tokens[None])[0] - by_hand(tokens)).abs().max().item()))
`);
    expect(difference).toBeLessThan(1e-4);
  }, 300_000);
});
