import type { TerminalInfo } from '@plumbline/protocol';
import { browserStorage } from '@plumbline/ui/browserStorage';
import { useState } from 'react';
import { parsedJson } from './keptJson.ts';

/** Which terminals of an attempt stand side by side, and how their tabs are ordered: kept over reloads in this browser. */
export function useTerminalPanes(attemptId: string) {
  const [panes, setPanes] = useKeptNumbers(`plumbline-terminal-panes-${attemptId}`);
  const [order, setOrder] = useKeptNumbers(`plumbline-terminal-order-${attemptId}`);
  return { panes, setPanes, order, setOrder };
}

function useKeptNumbers(key: string): [number[], (numbers: number[]) => void] {
  const [numbers, setNumbers] = useState<number[]>(() => readNumbers(browserStorage.getItem(key)));
  return [
    numbers,
    (next) => {
      setNumbers(next);
      browserStorage.setItem(key, JSON.stringify(next));
    },
  ];
}

/** A terminal as its tab calls it: by the name that it was given, or else by what runs in it. */
export function nameOfTerminal({ terminal, name, program }: Pick<TerminalInfo, 'terminal' | 'name' | 'program'>): string {
  const unnamed = `Terminal ${terminal}`;
  return name !== '' && name !== unnamed ? name : (program ?? unnamed);
}

/** What was stored, or nothing where it is not a list of terminal numbers. */
export function readNumbers(stored: string | null): number[] {
  const numbers = parsedJson(stored);
  return Array.isArray(numbers) && numbers.every((number) => Number.isInteger(number)) ? numbers : [];
}
