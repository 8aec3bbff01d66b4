import { mendTerminal } from '@plumbline/protocol';
import unicode11 from '@xterm/addon-unicode11';
import headless, { type ITerminalInitOnlyOptions, type ITerminalOptions, type Terminal } from '@xterm/headless';

/** A terminal without a page that holds the same cells as a page's after the same bytes. */
export function headlessTerminal(options: ITerminalOptions & ITerminalInitOnlyOptions): Terminal {
  const terminal = new headless.Terminal({ ...options, allowProposedApi: true });
  terminal.loadAddon(new unicode11.Unicode11Addon() as unknown as Parameters<Terminal['loadAddon']>[0]);
  terminal.unicode.activeVersion = '11';
  mendTerminal(terminal);
  return terminal;
}
