import type { BrowserToGateway, TerminalInfo } from '@plumbline/protocol';
import { expect, it, vi } from 'vitest';
import type { Ask } from './ask.ts';
import { SessionTerminals } from './sessionTerminals.ts';
import { Signal } from './signal.ts';
import type { TerminalView } from './terminalView.ts';

vi.stubGlobal('document', { hasFocus: () => true });

const SIGNALS = ['input', 'sizeWanted', 'credit', 'gap', 'focused', 'drawn', 'linkClicked', 'placeClicked'];
const ACTS = ['resizedTo', 'setSizeOwner', 'setTyping', 'restore', 'output'];

/** The screens of a session, whose xterm.js is left out: which of them live, and what was asked for. */
function terminalsOf(numbers: number[]) {
  let list: TerminalInfo[] = numbers.map((terminal) => ({ terminal, name: '', cols: 80, rows: 24, open: true, exitCode: null }));
  let living = 0;
  const sent: BrowserToGateway[] = [];
  const none = () => {};
  const terminals = new SessionTerminals({
    newView: () => {
      living += 1;
      const parts = [...SIGNALS.map((name) => [name, new Signal()]), ...ACTS.map((name) => [name, none])];
      return {
        ...Object.fromEntries(parts),
        clipboard: { paste: new Signal(), copy: new Signal() },
        dispose: () => void --living,
      } as unknown as TerminalView;
    },
    ask: (async () => ({})) as unknown as Ask,
    send: (message) => void sent.push(message),
    list: () => list,
    canType: () => true,
    isRunning: () => true,
    onInput: none,
    onPaste: none,
    onCopy: none,
    onLink: none,
    onPlace: none,
    onRefused: none,
  });
  return {
    terminals,
    living: () => living,
    end: (terminal: number) => {
      list = list.map((info) => (info.terminal === terminal ? { ...info, open: false, exitCode: 0 } : info));
    },
    forget: () => {
      list = [];
    },
    list: () => list,
    /** The terminals that were asked for since it was asked last. */
    attached: () => sent.splice(0).flatMap((message) => (message.t === 'attach' ? message.terminal : [])),
  };
}

it('the screen of a terminal goes when its shell ends, though the terminal stays listed', () => {
  const { terminals, living, end, list } = terminalsOf([1, 2]);
  terminals.view(1);
  terminals.view(2);
  end(1);
  terminals.listed(list());
  expect(living()).toBe(1);
});

it('a terminal that ended while the connection was away is not asked for, now or when somebody looks for it', () => {
  const { terminals, living, end, attached } = terminalsOf([1, 2]);
  terminals.view(1);
  terminals.view(2);
  expect(attached()).toEqual([1, 2]);
  end(1);
  terminals.attachAll();
  expect([attached(), living()]).toEqual([[2], 1]);
  terminals.view(1);
  expect(attached()).toEqual([]);
});

it('screens stay while a sandbox that is away lists no terminal', () => {
  const { terminals, living, forget, attached } = terminalsOf([1]);
  terminals.view(1);
  forget();
  terminals.attachAll();
  expect([attached(), living()]).toEqual([[1, 1], 1]);
});
