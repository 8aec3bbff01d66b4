import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { systemClock } from '@plumbline/config/systemClock';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { TASK_SOCKET_NAME, TaskSocket } from './taskSocket.ts';

/** The socket that the participant's programs speak to, with whatever they may say. */

let dir: string;
let socket: TaskSocket;
let forwarded: { id: string; act: string; args: unknown }[];
let carry: (request: { id: string; act: string; args: unknown }) => boolean;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'plumbline-task-'));
  forwarded = [];
  carry = (request) => {
    JSON.stringify(request);
    forwarded.push(request);
    queueMicrotask(() => socket.answer({ id: request.id, result: { said: request.act } }));
    return true;
  };
  socket = new TaskSocket({ dir, clock: systemClock, logger: pino({ level: 'silent' }), forward: (request) => carry(request) });
  await socket.open();
});
afterEach(async () => {
  await socket.close();
  rmSync(dir, { recursive: true, force: true });
});

/** The answers to lines that one program writes, in order. */
async function say(...lines: string[]): Promise<Record<string, unknown>[]> {
  const connection = createConnection(join(dir, TASK_SOCKET_NAME));
  const answers: Record<string, unknown>[] = [];
  connection.write(lines.map((line) => `${line}\n`).join(''));
  for await (const line of createInterface({ input: connection })) {
    answers.push(JSON.parse(line));
    if (answers.length === lines.length) break;
  }
  connection.destroy();
  return answers;
}

it('arguments nested as deep as a line allows are refused, and the next request is answered', async () => {
  const deep = `{"id":1,"act":"status","args":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
  expect(await say(deep, '{"id":2,"act":"status"}')).toEqual([
    { id: 1, error: { code: 'invalid_input', message: 'status: arguments: nested too deep.' } },
    { id: 2, result: { said: 'status' } },
  ]);
});

it('arguments that an act does not know never reach the link', async () => {
  const [refused] = await say('{"id":1,"act":"note","args":{"text":7}}');
  expect(refused).toMatchObject({ id: 1, error: { code: 'invalid_input', message: expect.stringContaining('note: text') } });
  await say('{"id":2,"act":"note","args":{"text":"kept","more":[[[1]]]}}');
  expect(forwarded).toMatchObject([{ act: 'note', args: { text: 'kept' } }]);
  expect(forwarded[0]?.args).not.toHaveProperty('more');
});

it('a request that the link cannot carry is an error to its program alone', async () => {
  const carrying = carry;
  carry = () => {
    carry = carrying;
    throw new RangeError('Maximum call stack size exceeded');
  };
  expect(await say('{"id":1,"act":"status"}', '{"id":2,"act":"status"}')).toMatchObject([
    { error: { code: 'internal' } },
    { id: 2, result: { said: 'status' } },
  ]);
});

it('the socket is made where its path is longer than one may be, and is removed', async () => {
  const deep = join(dir, 'a'.repeat(60), 'b'.repeat(60));
  mkdirSync(deep, { recursive: true });
  const short = join(dir, 'short');
  symlinkSync(deep, short);
  const far = new TaskSocket({ dir: deep, clock: systemClock, logger: pino({ level: 'silent' }), forward: () => false });
  await far.open();
  const connection = createConnection(join(short, TASK_SOCKET_NAME));
  connection.write('{"id":1,"act":"status"}\n');
  for await (const line of createInterface({ input: connection })) {
    expect(JSON.parse(line)).toMatchObject({ id: 1, error: { code: 'unavailable' } });
    break;
  }
  connection.destroy();
  await far.close();
  expect(existsSync(join(deep, TASK_SOCKET_NAME))).toBe(false);
});
