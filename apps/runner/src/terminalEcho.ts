import { endianness } from 'node:os';
import koffi from 'koffi';

/**
 * Tells whether a terminal echoes what is typed, so that a password is recorded as a length. Asked before each key, so it
 * is a call into the C library and not a question to another process: half a microsecond instead of 0.5 ms.
 */

/** `raw`: the program reads each key and draws what it wants. `hidden`: a whole line is read without echo, as a password is. */
export type EchoState = 'echo' | 'raw' | 'hidden';

/** `struct termios` of Linux begins with four 32-bit words: input, output, control and local modes. It is 60 bytes long. */
const TERMIOS_BYTES = 64;
const LOCAL_MODES_AT = 12;
const ICANON = 0o2;
const ECHO = 0o10;

const tcgetattr = koffi.load('libc.so.6').func('int tcgetattr(int fd, _Out_ uint8_t *modes)');
const modes = Buffer.alloc(TERMIOS_BYTES);
const readWord = endianness() === 'LE' ? modes.readUInt32LE.bind(modes) : modes.readUInt32BE.bind(modes);

/** How the terminal behind a PTY's master treats input now; null where `fd` is no terminal any more. */
export function echoState(fd: number): EchoState | null {
  if (tcgetattr(fd, modes) !== 0) return null;
  const local = readWord(LOCAL_MODES_AT);
  if ((local & ECHO) !== 0) return 'echo';
  return (local & ICANON) !== 0 ? 'hidden' : 'raw';
}
