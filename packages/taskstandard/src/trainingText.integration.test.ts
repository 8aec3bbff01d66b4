import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { bareHostPython } from './bareHost.ts';

/** The texts that three families train on: the made-up language of `small`, and OpenWebText on a tiny archive. */

const family = fileURLToPath(new URL('../../../environments/re-bench/scaling_law', import.meta.url));
const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url));

function python(source: string): unknown {
  const argv = ['-B', '-c', `import json, sys\nsys.path[:0] = [".", ${JSON.stringify(fixtures)}]\n${source}`];
  const done = spawnSync(bareHostPython(), argv, { cwd: family, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.stderr);
  return JSON.parse(done.stdout);
}

describe('the made-up language', () => {
  it('has one text for a seed and a name, others for others, and the same entropy in all', () => {
    const got = python(`
import numpy
from assets.language import Language
def entropy(text):
    share = numpy.bincount(text) / len(text)
    return float(-(share[share > 0] * numpy.log(share[share > 0])).sum())
a, b = Language("a"), Language("b")
x = a.text("train", 200_000)
print(json.dumps({
    "again": bool((Language("a").text("train", 200_000) == x).all()),
    "same": [float((x == other).mean()) for other in (a.text("val", 200_000), b.text("train", 200_000))],
    "entropies": [entropy(text) for text in (x, a.text("val", 200_000), b.text("train", 200_000))],
    "most": int(x.max()),
}))`) as { again: boolean; same: number[]; entropies: number[]; most: number };
    expect(got.again).toBe(true);
    expect(got.most).toBe(127);
    for (const share of got.same) expect(share).toBeLessThan(0.1);
    expect(Math.max(...got.entropies) - Math.min(...got.entropies)).toBeLessThan(0.02);
  });
});

describe('OpenWebText', () => {
  it('becomes tokens, every document whole and once, with the seed choosing which are held out', () => {
    const got = python(`
import os, tempfile
import numpy
import tiny_openwebtext
from assets import openwebtext
openwebtext.HELD_OUT_SHARE = 0.1
documents = tiny_openwebtext.DOCUMENTS
with tempfile.TemporaryDirectory() as d:
    tiny_openwebtext.lay(d)
    def made(seed):
        paths = [os.path.join(d, name) for name in ("train.bin", "heldout.bin")]
        openwebtext.make(d, *paths, seed)
        read = []
        for path in paths:
            tokens, text = numpy.fromfile(path, dtype=numpy.uint16).tolist(), b""
            assert 256 in tokens
            for token in tokens:
                text += b"\\0" if token == openwebtext.END_OF_TEXT else b"Te" if token == 256 else bytes([token])
            read.append([part.decode() for part in text.split(b"\\0")[:-1]])
        return read
    one, other, again = made("one"), made("other"), made("one")
print(json.dumps({
    "whole": sorted(one[0] + one[1]) == sorted(text.decode() for text in documents.values()),
    "heldOut": [len(one[1]), len(other[1])],
    "differ": one[1] != other[1],
    "again": one == again,
}))`) as { whole: boolean; heldOut: number[]; differ: boolean; again: boolean };
    expect(got).toMatchObject({ whole: true, differ: true, again: true });
    for (const count of got.heldOut) expect(count).toBeGreaterThan(2);
  });

  it('that is not there is named, with what to do', () => {
    const said = python(`
from assets import openwebtext
openwebtext.DATA = openwebtext.SCORER_DATA = "/nonexistent"
import tempfile, os
with tempfile.TemporaryDirectory() as d:
    try:
        openwebtext.prepare(os.path.join(d, "data", "train.bin"), os.path.join(d, "heldout.bin"), "seed")
    except FileNotFoundError as error:
        print(json.dumps(str(error)))`);
    expect(said).toMatch(/openwebtext\.tar\.xz, encoder\.json, vocab\.bpe not found.*assets of this environment's manifest/);
  });
});
