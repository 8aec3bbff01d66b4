/**
 * What the benchmarks compare with: a login shell on a PTY behind a bare WebSocket on loopback, in a process of its own.
 * No sandbox, no recording, no second hop. Prints its port.
 */

import type { AddressInfo } from 'node:net';
import { spawn } from '@lydell/node-pty';
import { type WebSocket, WebSocketServer } from 'ws';

/** Beyond this the PTY is not read: a bare server must not fill its memory either, or it would win by cheating. */
const UNSENT_MAX_BYTES = 1024 * 1024;

function serve(socket: WebSocket): void {
  const pty = spawn('/bin/bash', ['-l'], {
    name: 'xterm-256color',
    cols: 120,
    rows: 30,
    cwd: process.cwd(),
    env: { ...process.env, HOME: process.cwd() },
    encoding: null,
  });
  let paused = false;
  pty.onData((data) => {
    socket.send(data as unknown as Buffer, () => {
      if (!paused || socket.bufferedAmount > UNSENT_MAX_BYTES / 2) return;
      paused = false;
      pty.resume();
    });
    if (paused || socket.bufferedAmount <= UNSENT_MAX_BYTES) return;
    paused = true;
    pty.pause();
  });
  socket.on('message', (data: Buffer) => pty.write(data as unknown as string));
  socket.on('close', () => pty.kill());
}

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false }, () => {
  console.log((server.address() as AddressInfo).port);
});
server.on('connection', serve);
