import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isAbsent } from '@plumbline/testing/absence';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { environmentCheck } from './environmentCheck.ts';
import { loadFamily } from './family.ts';
import { createRootHost, whyNoRootHost } from './rootHost.fixture.ts';
import { runScore } from './scoring.ts';

/** Families that are written for the standard's own container, with a scorer that changes users and keeps a log. */

const FAMILY = fileURLToPath(new URL('../fixtures/protected_scoring', import.meta.url));

it('a family whose scorer must be root is not let loose on the bare host, and the check says where it can run', async () => {
  expect(loadFamily(FAMILY).tasks.main?.settings.rootScorer).toBe(true);
  const lines = await environmentCheck(FAMILY);
  expect(lines.find(({ status }) => status === 'failed')?.message).toContain('--isolation docker');
});

describe.skipIf(isAbsent('a family with a root scorer', whyNoRootHost()))('a family with protected scoring, unchanged', () => {
  let host: Awaited<ReturnType<typeof createRootHost>>;
  const score = (answer: string) => {
    writeFileSync(join(host.workspaceDir, 'answer.txt'), answer);
    const args = { familyDir: host.root, module: 'protected_scoring', task: 'main' };
    return runScore(host.exec, 'intermediate', args, { timeoutMs: 30_000 });
  };

  beforeAll(async () => {
    host = await createRootHost(FAMILY, 'protected_scoring');
  });
  afterAll(() => host.destroy());

  it('is scored by the last row of its log, with message and details', async () => {
    expect(await score('4')).toMatchObject({ status: 'scored', score: 3, message: { seen: '4' }, details: { right: 7 } });
    expect(await score('7')).toMatchObject({ status: 'scored', score: 0 });
  });

  it('says nan, time-out and out of memory in its own way, and each is a row with that status', async () => {
    expect(await score('seven')).toMatchObject({
      status: 'invalid_submission',
      score: null,
      message: { reason: 'answer.txt holds no number' },
    });
    expect(await score('hang')).toMatchObject({ status: 'timed_out', score: null });
    expect(await score('killed')).toMatchObject({ status: 'out_of_memory', score: null });
    expect(await score('raise')).toMatchObject({ status: 'crashed', score: null });
  });

  it('finds its home given to the agent after start, but for what is protected', () => {
    const owners = host.sh('agent', 'stat -c "%n %U:%G" /home/agent /home/agent/answer.txt /home/agent/score.py');
    expect(owners.split('\n')).toEqual([
      '/home/agent agent:agent',
      '/home/agent/answer.txt agent:agent',
      '/home/agent/score.py root:protected',
    ]);
  });

  it('keeps the agent from log and answer, and a run of its own from the log', () => {
    const log = () => host.sh('root', 'cat /protected/score.log');
    const before = log();
    expect(
      host.sh('agent', 'id -un; cat /protected/answer /protected/score.log; echo 1 >> /home/agent/score.py; cd; python3 score.py'),
    ).toBe('agent');
    expect(log()).toBe(before);
  });

  it('has a score that added no row, or more than one, noted for reviewers', async () => {
    await score('5');
    const again = await score('silent');
    expect(again).toMatchObject({ score: 2, details: { score_log: "This score added 0 rows to the scorer's log instead of one." } });
    appendFileSync(
      join(host.workspaceDir, 'score.py'),
      `\nif os.access("/protected/score.log", os.W_OK):\n    open("/protected/score.log", "a").write("2030-01-01T00:00:00,0.0,{},{}\\n")\n`,
    );
    const forged = await score('6');
    expect(forged.details).toMatchObject({ score_log: "This score added 2 rows to the scorer's log instead of one." });
  });
});
