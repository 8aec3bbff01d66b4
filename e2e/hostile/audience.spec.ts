import { globSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { appRouter } from '@plumbline/api';
import { isForParticipant } from '@plumbline/protocol';
import { makeAccount } from '../support/accounts.ts';
import { startAttempt, until } from '../support/attempt.ts';
import { expect, test } from '../support/fixtures.ts';
import { assignFamily, changedPractice } from '../support/ownFamily.ts';
import { readEvents } from '../support/recordingCheck.ts';
import { Session } from '../support/session.ts';
import { Tab } from '../support/tab.ts';

/** What only staff may see: each stands in one part of a score, and nowhere in what the participant has. */
const SCORE = 0.730519;
const SECRETS = ['output-of-the-scorer', 'details-of-the-score', 'traceback-of-the-scorer', String(SCORE)];
const TITLE = 'A task with a hidden score';
/** What the participant of such an attempt has: the title, the score's message, the terminal's output. */
const PARTICIPANTS_OWN = [TITLE, '"recorded":true', 'all-2-done'];

/** Every page and route of the web process, as its file tree has them. */
const APP = join(import.meta.dirname, '../../apps/web/src/app');
const ADDRESSES = globSync('**/{page.tsx,route.ts}', { cwd: APP }).map((file) => {
  const parts = dirname(file).split('/');
  return `/${parts.filter((part) => part !== '.' && !part.startsWith('(')).join('/')}`;
});
/** Of these what a participant is refused, whatever the role. */
const isStaffs = (path: string) => /^\/api\/(attempts\/[^/]+\/recording|exports)\//.test(path);

/** Every text in a value, however deep. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(textsIn) : [];
}

/** The practice family with a scorer that tells secrets, and crashes when it is asked for a second score. */
function telltaleFamily(): string {
  const scorer = [
    '    def intermediate_score(t):',
    `        print("${SECRETS[0]}")`,
    '        if os.path.exists(os.path.join(HOME, "solution", "crash")):',
    `            raise RuntimeError("${SECRETS[2]}")`,
    `        return {"score": ${SCORE}, "message": {"recorded": True}, "details": {"secret": "${SECRETS[1]}"}}`,
    '',
    '    @staticmethod',
    '    def unused_score(t):',
  ].join('\n');
  return changedPractice((program) => program.replace('    def intermediate_score(t):', scorer));
}

test('no staff item reaches the participant of a hidden score on any route, and staff have them all', async ({ platform, signIn }) => {
  const familyDir = telltaleFamily();
  const admin = await signIn('admin');
  // Who takes part has nobody's side but the participant's, even with a role that may read everybody else's attempt.
  const account = await makeAccount(admin, 'admin');
  const scorerHash = await assignFamily(platform, account.userId, { familyDir, title: TITLE, scoreVisible: false });
  const session = await Session.signIn(platform.baseUrl, account.email, account.password);
  const attemptId = await startAttempt(session, /hidden score/i);
  const received: string[] = [];
  const tab = new Tab(session, attemptId);
  tab.onMessage = (message) => received.push(JSON.stringify(message));
  tab.onOutput = (_terminal, bytes) => received.push(Buffer.from(bytes).toString());
  await tab.open();
  await until('the sandbox is attached', () => tab.sandbox === 'attached');
  const { terminal } = await tab.request('terminal.open', { cols: 200, rows: 50 });
  tab.watch(terminal);
  const scored = async (n: number) =>
    until(`score ${n} has ended`, async () => {
      const { scores } = await tab.request('scores', {});
      received.push(JSON.stringify(scores));
      return scores.find((row) => row.n === n && row.status !== 'running' && row.status !== 'requested') ?? null;
    });

  const first = await tab.request('score', {});
  expect(await scored(first.n)).toMatchObject({ score: null, message: { recorded: true } });
  tab.type(terminal, 'touch solution/crash; task score; task scores; task status; ls -la / ~ /tmp; echo all-$((1+1))-done\n');
  await until('the task command has spoken', () => tab.text(terminal).includes('all-2-done'));
  await scored(first.n + 1);

  const events = await until('staff have the crash in the recording', async () => {
    const all = await readEvents(platform, attemptId);
    return JSON.stringify(all).includes(SECRETS[2] as string) ? all : null;
  });
  for (const secret of SECRETS) expect(JSON.stringify(events), `staff have ${secret}`).toContain(secret);

  // Every procedure there is; those that want more than an attempt refuse, and say nothing of it. What is read also while the attempt
  // runs, when it holds a machine.
  const procedures = Object.entries(appRouter._def.procedures as unknown as Record<string, { _def: { type: string } }>);
  const askAll = async (kinds: string[]) => {
    for (const [procedure, { _def }] of procedures) {
      if (!kinds.includes(_def.type)) continue;
      const call = _def.type === 'query' ? session.query(procedure, { attemptId }) : session.mutate(procedure, { attemptId });
      received.push(await call.then(JSON.stringify, String));
    }
  };
  await askAll(['query']);
  const visit = async (paths: string[]) => {
    for (const path of paths) {
      const response = await session.fetch(path);
      if (isStaffs(path)) expect(response.status, path).toBe(403);
      received.push(await response.text());
    }
  };
  const addresses = (exportId: string) => {
    const names = { attemptId, exportId, '...nextauth': 'session', trpc: 'self.get' };
    return ADDRESSES.map((path) => path.replaceAll(/\[([^\]]+)\]/g, (_, name) => String(names[name as keyof typeof names])));
  };
  await visit(addresses('none').filter((path) => !path.includes('none')));
  await tab.request('submit', { confirm: true });
  await until(
    'the attempt is completed',
    async () => (await session.query<{ state: string }>('attempt.progress', { attemptId })).state === 'completed',
  );
  const recordingPaths = [
    `/api/attempts/${attemptId}/recording/index`,
    `/api/attempts/${attemptId}/recording/events?fromSeq=1&toSeq=100000`,
    `/api/attempts/${attemptId}/recording/moment?atMs=${Date.now()}`,
    `/api/attempts/${attemptId}/recording/opening`,
  ];
  const { exportId } = await admin.mutate<{ exportId: string }>('export.create', { attemptIds: [attemptId] });
  const exported = `/api/exports/${exportId}`;
  await until('the export is built', async () => (await admin.fetch(exported)).status === 200);
  await visit([...recordingPaths, ...addresses(exportId)]);
  await askAll(['query', 'mutation']);
  await expect(session.mutate('export.create', { attemptIds: [attemptId] })).rejects.toThrow(/FORBIDDEN/);
  expect(await (await admin.fetch(exported)).text(), 'staff download it').toContain(String(SCORE));
  // Staff are given all of it on the same routes, in the words that are then looked for in what the participant was given.
  const staff = await Promise.all(recordingPaths.map(async (path) => (await admin.fetch(path)).text()));
  const ofStaff = events.filter(({ type }) => !isForParticipant(type));
  const types = [...new Set(ofStaff.map(({ type }) => type))];
  expect(types).toEqual(expect.arrayContaining(['score.details', 'snapshot.taken', 'submission.captured', 'connection.attached']));
  for (const words of [...SECRETS, ...types.map((type) => `"type":"${type}"`)])
    expect(staff.join('\n'), `staff are given ${words}`).toContain(words);
  // Hashes, names and whatever else long enough stands in events for staff alone. The scorer's is the environment's, which lists of those have.
  const participants = JSON.stringify(events.filter(({ type }) => isForParticipant(type)));
  const isSecret = (text: string) => text.length >= 20 && !participants.includes(text) && text !== scorerHash;
  const texts = ofStaff.flatMap(({ data }) => textsIn(data)).filter(isSecret);
  expect(texts.length).toBeGreaterThan(4);
  const all = received.join('\n');
  for (const words of PARTICIPANTS_OWN) expect(all, `the participant is given ${words}`).toContain(words);
  expect([...SECRETS, ...texts].filter((words) => all.includes(words))).toEqual([]);
  tab.end();
  rmSync(familyDir, { recursive: true, force: true });
});
