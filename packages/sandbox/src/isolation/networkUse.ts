import { readFile } from 'node:fs/promises';
import type { NetworkUse } from './isolation.ts';

/** What a process's network namespace has sent and received, and whom it is connected to, as the kernel tells it in /proc. */

/** A crawler's thousandth connection says nothing that its first hundred do not. */
const PEERS_MAX = 100;
const LOOPBACK = 'lo';
/** Of the states of a TCP connection, the one that carries data. */
const ESTABLISHED = '01';

/** Null where the process is gone. */
export async function networkUse(pid: number): Promise<NetworkUse | null> {
  try {
    const [devices, tcp, tcp6] = await Promise.all(
      ['dev', 'tcp', 'tcp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'utf8').catch(() => '')),
    );
    if (devices === undefined || devices === '') return null;
    return { ...deviceBytes(devices), peers: peersOf(`${tcp}\n${tcp6}`) };
  } catch {
    return null;
  }
}

/** The sums over all devices but loopback, of the text of `/proc/PID/net/dev`. */
export function deviceBytes(text: string): { receivedBytes: number; sentBytes: number } {
  const sums = { receivedBytes: 0, sentBytes: 0 };
  for (const line of text.split('\n')) {
    const [name, counts] = line.split(':');
    if (counts === undefined || name?.trim() === LOOPBACK) continue;
    const fields = counts.trim().split(/\s+/).map(Number);
    sums.receivedBytes += fields[0] ?? 0;
    sums.sentBytes += fields[8] ?? 0;
  }
  return sums;
}

/** The far ends of established connections, of the text of `/proc/PID/net/tcp` and `tcp6`; loopback's are left out. */
export function peersOf(text: string): { address: string; port: number }[] {
  const peers = new Map<string, { address: string; port: number }>();
  for (const line of text.split('\n')) {
    const [, , remote = '', state] = line.trim().split(/\s+/);
    const [hex = '', port = ''] = remote.split(':');
    if (state !== ESTABLISHED || !/^([0-9A-F]{8}|[0-9A-F]{32})$/.test(hex)) continue;
    const address = addressOf(hex);
    if (address.startsWith('127.') || address === '::1') continue;
    const peer = { address, port: Number.parseInt(port, 16) };
    peers.set(`${peer.address} ${peer.port}`, peer);
    if (peers.size === PEERS_MAX) break;
  }
  return [...peers.values()];
}

/** The kernel writes each 32-bit word of an address in the machine's own order: little endian on all that this runs on. */
function addressOf(hex: string): string {
  const bytes = hex.match(/.{8}/g)?.flatMap((word) => [...Buffer.from(word, 'hex')].reverse()) ?? [];
  if (bytes.length === 4) return bytes.join('.');
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  if (isMapped) return bytes.slice(12).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16));
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}
