import { createHash } from 'node:crypto';
import { globSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { EventData, EventType, RecordedEvent } from '@plumbline/protocol';
import { EVENTS } from '@plumbline/protocol';
import { makeAccount } from '../support/accounts.ts';
import { startAttempt, until } from '../support/attempt.ts';
import { launchChromium } from '../support/chromium.ts';
import { expect, test } from '../support/fixtures.ts';
import { assignFamily, changedPractice } from '../support/ownFamily.ts';
import { readableInStore, readEvents } from '../support/recordingCheck.ts';
import { Session } from '../support/session.ts';
import { Tab } from '../support/tab.ts';
import { People, WorkspacePage } from '../support/workspacePage.ts';

const ROOT = join(import.meta.dirname, '../..');
const TITLE = 'Practice with every kind of event';
const FILE = 'solution/textstats.py';
const TEXT = readFileSync(join(ROOT, 'environments/practice/assets/workspace', FILE), 'utf8');
const DOTFILE = { path: '.inputrc', text: 'set bell-style none\n' };
const SECRET = 'hunter2';
const SENT_BYTES = 60_000;
const MADE_FILES = 400;
const TYPED = '# counted anew\n';
const PASTED = '# pasted\n';
/** The longest that anything waits for: samples come every five seconds. */
const LIMIT_MS = 60_000;

const sha256 = (data: string) => createHash('sha256').update(data).digest('hex');

type Of<T extends EventType> = Extract<RecordedEvent, { type: T }>;
/** What must be true of all events of a type; or the test that has them of their producer, which a journey without faults is not. */
type Checked<T extends EventType> = ((events: Of<T>[]) => void) | { in: string; why: string } | { producedByNobody: string };

test('every kind of event of the vocabulary is recorded as what the person did, by whatever part of the product tells of it', async ({
  platform,
  signIn,
}) => {
  // Without a window no page goes behind another.
  await using browser = await launchChromium();
  const familyDir = changedPractice((program) => program.replace(/(def get_permissions\(t\):\n\s+return) .*/, '$1 ["full_internet"]'));
  const admin = await signIn('admin');
  const account = await makeAccount(admin, 'expert');
  const scorerHash = await assignFamily(platform, account.userId, { familyDir, title: TITLE, scoreVisible: true });
  const session = await Session.signIn(platform.baseUrl, account.email, account.password);
  await session.mutate('setup.save', { keymap: 'vscode', files: [DOTFILE] });
  const attemptId = await startAttempt(session, new RegExp(TITLE));
  const recorded = async <T extends EventType>(type: T) =>
    (await readEvents(platform, attemptId)).filter((event): event is Of<T> => event.type === type);

  const context = await browser.newContext({ baseURL: platform.baseUrl, permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await context.newPage();
  await new People(page).signIn(account.email, account.password);
  const work = new WorkspacePage(page);
  await page.goto(`/attempts/${attemptId}/work`);
  await work.terminal(1).waitFor();
  await work.openFile('solution', 'textstats.py');
  const tab = new Tab(session, attemptId);
  await tab.open();

  // First of all: it withholds what came before it, and has every tab record anew the texts that it edits, not only the one that seals.
  await tab.request('seal', { minutes: 1, reason: 'a password of my own' });
  const anew = await until('the text is recorded anew', async () => (await recorded('editor.text')).at(0));
  await page.getByRole('button', { name: `Close ${FILE}` }).click();
  await work.openFile('solution', 'textstats.py');

  await page.getByTestId('editor').locator('.view-lines').click();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.press('ControlOrMeta+c');
  // Where the caret is for a moment only is not recorded.
  await until('the selection is recorded', async () =>
    (await recorded('editor.selection')).some(({ data }) => data.active === TEXT.length),
  );
  await page.keyboard.press('ControlOrMeta+Home');
  await page.keyboard.type(TYPED);
  await page.evaluate((text) => navigator.clipboard.writeText(text), PASTED);
  await page.keyboard.press('ControlOrMeta+v');
  await page.keyboard.press('ControlOrMeta+s');
  await expect(page.getByTestId('save-state')).toHaveText('Saved');

  await work.type(1, 'echo typed-$((6*7)); (exit 3)\n');
  await work.expectOnScreen(1, /^typed-42$/m);
  await page.keyboard.press('Control+Shift+V');
  await work.expectOnScreen(1, PASTED.trimEnd());
  await work.type(1, 'stty -echo; echo ask-$((1+1)); read -r secret; stty echo; echo back-$((1+1))\n');
  await work.expectOnScreen(1, /^ask-2$/m);
  await page.keyboard.type(`${SECRET}\n`);
  await work.expectOnScreen(1, /^back-2$/m);
  const send = `s.sendto(b"x" * 1000, ("192.0.2.1", 9))`;
  await work.type(1, `python3 -c 'import socket; s = socket.socket(2, 2); [${send} for _ in range(${SENT_BYTES / 1000})]'\n`);
  const change = (op: string, path: string) =>
    until(`${path} is ${op}`, async () => (await recorded('file.changed')).some(({ data }) => data.op === op && data.path === path));
  await work.type(1, 'echo made > made.txt\n');
  await change('created', 'made.txt');
  await tab.request('file.rename', { path: 'made.txt', to: 'moved.txt' });
  await work.type(1, 'rm moved.txt\n');
  await change('deleted', 'moved.txt');
  await work.type(1, `mkdir many; touch many/{1..${MADE_FILES}}\n`);

  const { terminal } = await tab.request('terminal.open', { cols: 90, rows: 20, name: 'second' });
  await tab.request('terminal.resize', { terminal, cols: 100, rows: 30 });
  await tab.request('terminal.rename', { terminal, name: 'training' });
  // What a page that comes back has is told where it had something to send.
  tab.type(terminal, 'true\n');
  await until('the input is durable', () => tab.unacknowledgedInput === 0);
  await tab.request('terminal.close', { terminal });
  const upload = { tab: tab.id, path: 'rows.csv', upload: '0'.repeat(32), offset: 0, total: 4, replace: false };
  await tab.request('file.upload', { ...upload, data: Buffer.from('1,2\n').toString('base64') });
  await tab.request('file.download', { tab: tab.id, path: FILE });
  await tab.request('port.open', { port: 8123, path: '/plots?token=own' });
  await tab.request('note', { text: 'Counting words first' });
  await tab.request('note', { text: 'Asked a model about regular expressions', kind: 'ai_use' });
  await tab.request('report', { text: 'The disk is slow' });
  await admin.mutate('live.message', { attemptId, text: 'We look into it' });
  const { scoreId, n } = await tab.request('score', {});
  const score = await until('the score', async () =>
    (await tab.request('scores', {})).scores.find((row) => row.scoreId === scoreId && row.score !== null),
  );
  // After a seal each terminal's next keyframe comes as soon as one may: with what is put out ten seconds after it was opened.
  await until('a keyframe', async () => {
    await work.type(1, '\n');
    return (await recorded('terminal.keyframe')).length > 0;
  });
  await tab.request('pause', { reason: 'break' });
  await tab.request('resume', {});
  const welcomed = tab.next(({ t }) => t === 'welcome');
  tab.cut();
  await welcomed;
  // Pages under test all think that they have the focus.
  await (await context.newCDPSession(page)).send('Emulation.setFocusEmulationEnabled', { enabled: false });
  await (await context.newPage()).bringToFront();
  await page.bringToFront();

  const path = FILE;
  const pagesTab = anew.data.tab;
  const datas = <T extends EventType>(events: Of<T>[]) => events.map(({ data }) => data as EventData<T>);
  const bytesOf = (events: (Of<'terminal.output'> | Of<'terminal.input'>)[]) =>
    Buffer.concat(
      events.filter(({ stream }) => stream === 1).flatMap(({ data }) => (data.bytes === undefined ? [] : [data.bytes])),
    ).toString();
  const sees =
    <T extends EventType>(...wanted: { [K in keyof EventData<T>]?: unknown }[]) =>
    (events: Of<T>[]) => {
      for (const data of wanted) expect(datas(events)).toEqual(expect.arrayContaining([expect.objectContaining({ ...data })]));
    };
  /** The text that the editor's last opening and all changes since give. */
  const edited = async () =>
    (await recorded('editor.changed')).reduce(
      (text, { data }) =>
        data.changes.reduce(
          (before, change) => before.slice(0, change.offset) + change.text + before.slice(change.offset + change.length),
          text,
        ),
      TEXT,
    );
  const finalText = TYPED + PASTED + TEXT;
  const submission = await until('the submission', async () =>
    (await recorded('submission.captured')).find(({ data }) => data.scoreId === scoreId),
  );

  const CHECKS: { [T in EventType]: Checked<T> } = {
    'terminal.opened': sees({ shell: '/bin/bash' }, { cols: 90, rows: 20, name: 'second' }),
    'terminal.output': (events) => expect(bytesOf(events)).toContain('typed-42'),
    'terminal.input': (events) => {
      expect(bytesOf(events)).toContain('echo typed-$((6*7))');
      expect(bytesOf(events)).not.toContain(SECRET);
      expect(datas(events).reduce((sum, { hiddenBytes = 0 }) => sum + hiddenBytes, 0)).toBe(`${SECRET}\n`.length);
      expect(bytesOf(events)).toContain(PASTED.trimEnd());
    },
    'terminal.resized': sees({ cols: 100, rows: 30 }),
    'terminal.renamed': sees({ name: 'training' }),
    'terminal.keyframe': (events) =>
      expect(
        datas(events)
          .map(({ screen }) => screen)
          .join(),
      ).not.toContain(SECRET),
    'terminal.closed': (events) => expect(events.map(({ stream }) => stream)).toEqual([terminal]),
    'command.started': sees({ text: 'echo typed-$((6*7)); (exit 3)', directory: expect.stringMatching(/^\//) }),
    'command.finished': sees({ exitCode: 3 }),
    'editor.opened': sees({ tab: pagesTab, path, text: TEXT, hash: sha256(TEXT) }),
    'editor.changed': async () => expect(await edited()).toBe(finalText),
    'editor.text': sees({ path, text: TEXT }),
    'editor.selection': sees({ path, anchor: 0, active: TEXT.length }),
    'editor.closed': sees({ tab: pagesTab, path }),
    'editor.saved': sees({ tab: pagesTab, path, hash: sha256(finalText), size: finalText.length }),
    'file.changed': sees(
      { op: 'created', path: 'made.txt', size: 5, hash: sha256('made\n') },
      { op: 'renamed', path: 'made.txt', to: 'moved.txt' },
      { op: 'deleted', path: 'moved.txt' },
    ),
    'file.omitted': (events) => {
      const told = datas(events).reduce((sum, { count }) => sum + count, 0);
      expect(told).toBeGreaterThan(0);
      expect(told).toBeLessThan(MADE_FILES);
    },
    'file.transferred': sees(
      { tab: tab.id, direction: 'upload', path: 'rows.csv', size: 4, hash: sha256('1,2\n') },
      { tab: tab.id, direction: 'download', path, size: finalText.length },
    ),
    'setup.applied': (events) => {
      sees<'setup.applied'>({ keymap: 'vscode', omitted: [] })(events);
      expect(events[0]?.data.files).toEqual([{ ...DOTFILE, size: DOTFILE.text.length, hash: sha256(DOTFILE.text) }]);
    },
    'port.opened': sees({ port: 8123, path: '/plots' }),
    'snapshot.taken': sees({ cause: 'start' }, { cause: 'save' }, { cause: 'score' }, { cause: 'pause' }),
    'submission.captured': sees({ scoreId, hashAfter: submission.data.hash }),
    'blob.lost': { in: 'apps/runner/src/blobs.test.ts', why: 'only a disk that fails, or a blob of 64 GiB, makes one' },
    'clipboard.paste': (events) => {
      sees<'clipboard.paste'>({ tab: pagesTab, target: `editor:${path}`, length: PASTED.length, hash: sha256(PASTED), text: PASTED })(
        events,
      );
      expect(datas(events)).toContainEqual({ tab: pagesTab, target: 'terminal:1', length: PASTED.length });
    },
    'clipboard.copy': sees({ tab: pagesTab, target: `editor:${path}`, length: TEXT.length, hash: sha256(TEXT) }),
    'focus.page': sees({ tab: pagesTab, visible: true, focused: false }, { tab: pagesTab, visible: true, focused: true }),
    'focus.panel': sees({ tab: pagesTab, panel: `editor:${path}` }, { tab: pagesTab, panel: 'terminal:1' }),
    'score.requested': sees({ scoreId, n, trigger: 'participant', elapsedMs: expect.any(Number) }),
    'score.finished': sees({ scoreId, n, trigger: 'participant', status: 'scored', score: score.score }),
    'score.details': sees({ scoreId, scorerHash, hashBefore: submission.data.hash, hashAfter: submission.data.hash }),
    'clock.event': (events) => {
      const acts = events.map(({ data }) => data.event).filter(({ kind }) => kind !== 'outage');
      expect(acts.map(({ kind, reason }) => [kind, reason])).toEqual([
        ['started', undefined],
        ['paused', 'break'],
        ['resumed', undefined],
      ]);
    },
    'note.written': sees({ n: 1, text: 'Counting words first' }),
    'ai_use.noted': sees({ n: 2, text: 'Asked a model about regular expressions' }),
    'issue.reported': sees({ n: 1, text: 'The disk is slow' }),
    'message.sent': sees({ text: 'We look into it' }),
    'connection.attached': sees({ tab: pagesTab, role: 'participant' }, { tab: tab.id, role: 'participant' }, { role: 'runner' }),
    'connection.detached': sees({ tab: tab.id, role: 'participant' }),
    'connection.resumed': sees({ tab: tab.id }),
    'connection.latency': sees({ tab: pagesTab }, { tab: tab.id }),
    'connection.gap': { in: 'apps/gateway/src/liveAttempt.integration.test.ts', why: 'only what a source has lost leaves one' },
    'recording.sealed': sees({ n: 1, reason: 'a password of my own' }),
    'model.call': { in: 'apps/runner/src/runner.integration.test.ts', why: 'only an environment that offers a model has calls of it' },
    'agent.asked': { producedByNobody: 'programs of agents tell it; none is part of the product' },
    'agent.called': { producedByNobody: 'as agent.asked' },
    'agent.returned': { producedByNobody: 'as agent.asked' },
    'resource.sample': (events) => {
      const used = datas(events).find(({ cpuMs = 0, memoryBytes = 0, processes = 0 }) => cpuMs > 0 && memoryBytes > 0 && processes > 0);
      expect(used).toMatchObject({ memoryLimitBytes: expect.any(Number), diskBytes: expect.any(Number) });
    },
    'network.sample': (events) => expect(Math.max(...datas(events).map(({ sentBytes }) => sentBytes))).toBeGreaterThanOrEqual(SENT_BYTES),
  };

  await expect(async () => {
    const events = await readEvents(platform, attemptId);
    const faults: string[] = [];
    for (const [type, check] of Object.entries(CHECKS) as [EventType, Checked<EventType>][]) {
      const ofType = events.filter((event) => event.type === type);
      try {
        if (typeof check === 'function') {
          expect(ofType, 'is recorded').not.toEqual([]);
          await check(ofType as never);
        } else expect(ofType, 'came of nothing that was done here').toEqual([]);
      } catch (error) {
        faults.push(`${type}: ${String(error).slice(0, 600)}`);
      }
    }
    expect(faults).toEqual([]);
  }).toPass({ timeout: LIMIT_MS, intervals: [500] });
  // The compiler holds the table to the types; who makes the events of those that are not made here is looked up.
  expect(Object.keys(CHECKS).sort()).toEqual(Object.keys(EVENTS).sort());
  const sources = globSync('apps/{gateway,runner,web,worker}/src/**/*.{ts,tsx}', { cwd: ROOT }).filter(
    (file) => !/\.(test|fixture)\./.test(file),
  );
  const product = [...sources, ...globSync('packages/database/src/*.ts', { cwd: ROOT })].map((file) =>
    readFileSync(join(ROOT, file), 'utf8'),
  );
  for (const [type, check] of Object.entries(CHECKS)) {
    if (typeof check === 'function') continue;
    const source = 'in' in check ? [readFileSync(join(ROOT, check.in), 'utf8')] : product;
    expect(
      source.some((text) => text.includes(`'${type}'`)),
      type,
    ).toBe('in' in check);
  }
  expect(readableInStore(platform, [SECRET, TYPED, PASTED])).toEqual([]);

  tab.end();
  await context.close();
  await admin.mutate('attempt.void', { attemptId, reason: 'all is recorded' });
  rmSync(familyDir, { recursive: true, force: true });
});
