import { endianness } from 'node:os';
import koffi from 'koffi';

/**
 * Tells whether a terminal echoes what is typed, so that a password is recorded as a length. Asked before each key, so it
 * is a call into the C library and not a question to another process: half a microsecond instead of 0.5 ms.
 */

/**
 * `raw`: the program reads each key and draws what it wants. `hidden`: what is typed is shown by nobody, as a password is.
 *
 * Programs that draw what is typed (a shell's line editor, vim, whatever uses curses, tmux) also take Enter as it is typed, a carriage
 * return, to tell it from Ctrl-J. A prompt for a key or a few (`read -s -n 8`, `tty.setcbreak`) leaves the terminal to make a line's end of
 * it, as one for a whole line does. So that tells them apart, as far as it can be known: where nothing echoes, the return decides.
 */
export type EchoState = 'echo' | 'raw' | 'hidden';

/** `struct termios` of Linux begins with four 32-bit words: input, output, control and local modes. It is 60 bytes long. */
const TERMIOS_BYTES = 64;
const INPUT_MODES_AT = 0;
const LOCAL_MODES_AT = 12;
const ICRNL = 0o400;
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
  return (local & ICANON) !== 0 || (readWord(INPUT_MODES_AT) & ICRNL) !== 0 ? 'hidden' : 'raw';
}
