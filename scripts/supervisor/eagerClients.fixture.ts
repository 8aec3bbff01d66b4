/**
 * For tests: clients that send frames with their upgrade request and after it, before anything is answered. Arguments: web's port, and
 * a file that is made when web has had the time to read all of it. Prints each one's answer, from the status to the last frame.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

const [port = '', doneFile = ''] = process.argv.slice(2);
const HANDSHAKE = `GET /realtime/attempt HTTP/1.1
Host: pages
Connection: Upgrade
Upgrade: websocket
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==

`.replaceAll('\n', '\r\n');

/** Masked with zeros, as a client's may be. */
const frame = (text: string) => Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);

/** What reached web before this request has been read when it is answered, which comes with a connection of its own. */
const page = async () => (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text();

async function answerOf(socket: Socket): Promise<string> {
  let answer = '';
  for await (const bytes of socket) {
    answer += bytes.toString('latin1');
    if (answer.endsWith('two')) break;
  }
  return answer;
}

// What it takes to ask is loaded before anything waits in web, which keeps nothing for longer than ten seconds.
await page();
const sockets = Array.from({ length: 4 }, () => connect(Number(port), '127.0.0.1'));
await Promise.all(sockets.map((socket) => once(socket, 'connect')));
for (const socket of sockets) socket.write(Buffer.concat([Buffer.from(HANDSHAKE), frame('one')]));
await page();
for (const socket of sockets) socket.write(frame('two'));
await page();
writeFileSync(doneFile, '');
console.log(JSON.stringify(await Promise.all(sockets.map(answerOf))));
process.exit();
