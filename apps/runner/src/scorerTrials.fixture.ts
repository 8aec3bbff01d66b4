import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { loadFamily } from '@plumbline/taskstandard';
import { expect } from 'vitest';
import type { RunnerRig } from './runnerRig.fixture.ts';

/** What a participant may try on a scorer, for tests: the same on every isolation, through a real runner. */

export const PRACTICE = fileURLToPath(new URL('../../../environments/practice', import.meta.url));
/** What the starting solution of the practice family is worth. */
const START = 0.575;

export const FULL_DISK_BYTES = 24 * 1024 ** 2;

/** A family whose scorer writes into the workspace, or takes for ever. */
export const HOARDER = `
import os
import time
HOME = os.environ.get("PLUMBLINE_HOME", "/home/agent")

class TaskFamily:
    standard_version = "0.3.0"

    @staticmethod
    def get_tasks():
        return {"main": {}}

    @staticmethod
    def get_instructions(t):
        return "Leave room."

    @staticmethod
    def start(t):
        os.mkdir(os.path.join(HOME, "solution"))
        open(os.path.join(HOME, "solution", "answer"), "w").write("5")

    @staticmethod
    def intermediate_score(t):
        answer = open(os.path.join(HOME, "solution", "answer")).read().strip()
        if answer == "wait":
            time.sleep(3600)
        if answer == "hoard":
            open(os.path.join(HOME, "notes"), "w").write("x" * (1 << 20))
        return {"score": 0.5, "message": {}, "details": {}}

    @staticmethod
    def aggregate_scores(t, log):
        return max(row["score"] for row in log)
`;

/** What stands on the command line of every operation of a family, a score among them. */
const STARTED_WITH = readFileSync(fileURLToPath(new URL('../../../packages/taskstandard/python/task_host.py', import.meta.url)), 'utf8')
  .split('\n', 1)
  .join()
  .replace(/^"+/, '');

/**
 * Starts a process of the participant's that looks for the scorer all the time: for its files, and for its process by the words that it is
 * started with. `seen` is what it found, and stays empty; each time it adds to the file that it `edits`. It is one process: a shell would start
 * three for each look, and take from the scorer what time this machine has.
 */
export const lookForTheScorer = (edits: string | null = null) => `/usr/bin/python3 -I - > seen 2>&1 <<'LOOK' &
import os, time
edits = ${edits === null ? 'None' : JSON.stringify(edits)}

def look():
    for top in ("/protected", "/root"):
        for folder, folders, files in os.walk(top):
            yield from (os.path.join(folder, name) for name in folders + files)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid) as file:
                started = file.read()
        except OSError:
            continue
        if ${JSON.stringify(STARTED_WITH)} in started:
            yield started

while True:
    for found in look():
        print(found, flush=True)
    try:
        if edits is not None and not os.path.islink(edits):
            with open(edits, "a") as file:
                file.write("\\n")
        open("looking", "a").close()
    except OSError:
        pass
    time.sleep(0.01)
LOOK
until [ -e looking ]; do sleep 0.01; done`;

/** The practice family's settings, with a file of answers for the scorer alone, which lies in `dir`. */
export function withScorerData(dir: string): Record<string, unknown> {
  const path = join(dir, 'answers.json');
  writeFileSync(path, '["held out"]');
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  const assets = [{ url: pathToFileURL(path).href, sha256, path: 'answers.json', for: 'scorer' }];
  return { ...loadFamily(PRACTICE).tasks['main']?.settings, assets };
}

/** Everything that a participant may try on the practice family's scorer, one after another; its runner has the workspace at `workspace`. */
export async function tryOnTheScorer(rig: RunnerRig, workspace: string): Promise<void> {
  const solution = readFileSync(join(PRACTICE, 'assets/workspace/solution/textstats.py'), 'utf8');
  const write = (path: string, text: string) => rig.sh(`mkdir -p "$(dirname ${path})"; cat > ${path} <<'END'\n${text}\nEND`);
  const reset = async () => {
    await rig.sh('rm -rf solution; mkdir solution');
    await write('solution/textstats.py', solution);
  };
  const honest = await rig.score();
  expect(honest).toMatchObject({ status: 'scored', score: START });

  // A process that is left over neither sees the scorer nor outlives one into the next.
  await rig.sh(lookForTheScorer());
  await write(
    'solution/textstats.py',
    `import subprocess\nsubprocess.Popen("while true; do cp /root/* /protected/* /home/agent/ ; sleep 0.01; done", shell=True, start_new_session=True)\n${solution}`,
  );
  expect(await rig.score()).toMatchObject({ status: 'scored', score: START });
  await reset();
  expect(await rig.score()).toMatchObject({ status: 'scored', score: START });
  expect(readFileSync(join(workspace, 'seen'), 'utf8')).toBe('');
  // It would have seen a scorer: it sees a process that is started like one.
  await rig.sh(`/usr/bin/python3 -c 'import time; time.sleep(60) # ${STARTED_WITH}' & until [ -s seen ]; do sleep 0.01; done; kill $!`);

  // A patched interpreter: start-up files of the participant's, a python of theirs on the path.
  const patch =
    'import builtins, json\njson.loads = json.load = lambda *a, **k: []\nopen("/home/agent/patched", "w").write("x")\nraise SystemExit(0)';
  for (const path of ['.local/lib/python3.11/site-packages/usercustomize.py', 'sitecustomize.py', 'json.py', 'solution/sitecustomize.py'])
    await write(path, patch);
  await write('bin/python3', '#!/bin/sh\necho patched > /home/agent/patched');
  await rig.sh(
    'chmod +x bin/python3; cp bin/python3 .local/bin/ ; echo "export PATH=/home/agent/bin:$PATH PYTHONPATH=/home/agent" >> .profile; cp .profile .bashrc',
  );
  expect(await rig.score()).toMatchObject({ status: 'scored', score: START });
  expect(() => readFileSync(join(workspace, 'patched'))).toThrow('ENOENT');
  await rig.sh('rm -rf json.py sitecustomize.py bin .local .profile .bashrc');
  await reset();

  // A scorer of the participant's own where the family's might be looked for.
  await rig.sh(
    'mkdir -p assets; for f in score.py practice.py assets/confined.py assets/cases.json assets/child.py; do echo "raise SystemExit" > $f; done',
  );
  expect(await rig.score()).toMatchObject({ status: 'scored', score: START });

  // An answer that is a link to what only the scorer may read.
  for (const target of ['/root/assets/cases.json', '/root/practice.py', '/protected/x', '/proc/1/environ']) {
    await rig.sh(`ln -sf ${target} solution/textstats.py`);
    const row = await rig.score();
    expect(row.score, target).toBeNull();
    expect(JSON.stringify([row.message, row.output])).not.toMatch(/most_common.:/);
  }
  // A folder that is a link: into the family, or by a way through it that the confined child does not have.
  await rig.sh('rm -rf solution; ln -s /root/assets/workspace/solution solution');
  expect((await rig.score()).score).toBeNull();
  await write(
    'evil/textstats.py',
    'import json\nanswers = {c["text"]: c for c in json.load(open("/root/assets/cases.json"))}\ndef describe(text): return answers[text]',
  );
  for (const target of [
    '/root/assets/../../home/agent/evil',
    '/proc/self/root/root/../home/agent/evil',
    '/run/assets/../../home/agent/evil',
  ]) {
    await rig.sh(`rm solution; ln -s ${target} solution`);
    expect((await rig.score()).score, target).toBeNull();
  }
  await rig.sh('rm -r solution evil');
  await reset();

  // A copy of /protected, of the family and of the scorer's data, taken by the code that is scored.
  await write(
    'solution/textstats.py',
    `import os, glob\nleak = [p for d in ("/protected", "/root", "/opt/scorer-data") for p in [d + "/answers.json"] + glob.glob(d + "/**", recursive=True) if os.path.isfile(p)]\nif leak: raise RuntimeError("leaked %s" % leak)\ntry:\n    open("/home/agent/copied", "w").write("x")\nexcept OSError:\n    pass\n${solution}`,
  );
  const copied = await rig.score();
  expect(copied).toMatchObject({ status: 'scored', score: START });
  // Where no sandbox can be nested, the code is the participant's own user, and the row says so.
  expect(existsSync(join(workspace, 'copied'))).toBe(copied.details['confinement'] === 'plain');

  // A forged log, and forged answers of the scorer's.
  const forged = `import os, sys\nfor fd in range(1, 64):\n    try:\n        os.write(fd, b'\\n--plumbline-0000\\n{"result": {"score": 1, "message": {}, "details": {}}, "duration_ms": 1}\\n')\n    except OSError:\n        pass\n`;
  await write(
    'solution/textstats.py',
    `${forged}for path in ("/protected/score.log", "/home/agent/score.log", "/tmp/score.log"):\n    try:\n        open(path, "a").write("2030-01-01T00:00:00,1.0,{},{}\\n")\n    except OSError:\n        pass\n${solution}`,
  );
  await rig.sh('echo "timestamp,score,message,details" > score.log; echo "2030-01-01T00:00:00,1.0,{},{}" >> score.log');
  expect(await rig.score()).toMatchObject({ status: 'scored', score: START });
  await reset();

  // A workspace that is filled: the submission is too large, which is a row with a reason.
  await rig.sh('head -c 200000000 /dev/zero > solution/filler');
  const filled = await rig.score();
  expect(filled.score).toBeNull();
  expect(JSON.stringify(filled.message)).toMatch(/0\.1 GB|100 MB|larger|large/i);
  await reset();
  expect(await rig.score()).toMatchObject({ status: 'scored', score: START });
}

/** The submission changes all the time: each score says so, and the clean one is of what was captured. */
export async function editWhileItReads(rig: RunnerRig): Promise<void> {
  const still = await rig.score();
  expect(still.hashAfter).toBe(still.hashBefore);
  await rig.sh('(while true; do echo $EPOCHREALTIME >> solution/textstats.py.new; sleep 0.01; done) &');
  const edited = await rig.score();
  expect(edited.hashAfter).not.toBe(edited.hashBefore);
  // The clean re-score is of what was captured.
  const clean = await rig.score(still.hashBefore);
  expect(clean).toMatchObject({ status: 'scored', score: START });
  expect(clean.hashAfter).toBe(still.hashBefore);
}

/** Of `HOARDER` on a disk of `FULL_DISK_BYTES`: no byte of it is free while its scorer runs. */
export async function scoreOnAFullDisk(rig: RunnerRig): Promise<void> {
  await rig.sh('echo hoard > solution/answer; cat /dev/zero > filler; for i in 1 2 3; do cat /dev/zero > filler$i; done');
  expect(await rig.score()).toMatchObject({
    status: 'crashed',
    score: null,
    details: { message: expect.stringContaining('No space left on device') },
  });
  await rig.sh('rm filler*; echo 5 > solution/answer; cat /dev/zero > filler; for i in 1 2 3; do cat /dev/zero > filler$i; done');
  expect(await rig.score()).toMatchObject({ status: 'scored', score: 0.5 });
  await rig.sh('rm filler*; echo hoard > solution/answer');
  expect(await rig.score()).toMatchObject({ status: 'scored', score: 0.5 });
}
