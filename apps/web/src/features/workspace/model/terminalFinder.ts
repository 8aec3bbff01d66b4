import { SearchAddon } from '@xterm/addon-search';
import type { Terminal } from '@xterm/xterm';
import { Signal } from './signal.ts';
import { isDark, matchColours } from './terminalTheme.ts';

export interface TerminalSearch {
  text: string;
  matchCase: boolean;
  regex: boolean;
}

export const NO_SEARCH: TerminalSearch = { text: '', matchCase: false, regex: false };

/** Which match the search is at, from 0, and how many there are; `at` is -1 where there are more than are counted. */
export interface TerminalMatches {
  at: number;
  count: number;
}

const NO_MATCHES: TerminalMatches = { at: -1, count: 0 };

/** More are neither marked nor counted. */
export const MATCHES_MAX = 1_000;

/** Finds text in a terminal's screen and the lines above it. */
export class TerminalFinder {
  /** What the search finds, also as output comes. */
  readonly matches = new Signal<TerminalMatches>();
  /** What is searched for; null while the search is closed. */
  searched: TerminalSearch | null = null;
  /** What it found last. */
  found: TerminalMatches = NO_MATCHES;

  private readonly terminal: Terminal;
  private readonly addon = new SearchAddon({ highlightLimit: MATCHES_MAX });

  constructor(terminal: Terminal) {
    this.terminal = terminal;
    terminal.loadAddon(this.addon);
    this.addon.onDidChangeResults(({ resultIndex: at, resultCount: count }) => {
      this.found = { at, count };
      this.matches.emit(this.found);
    });
  }

  /** Marks all that is found and goes to the next one; null for an expression that is none. */
  find({ text, matchCase, regex }: TerminalSearch, to: 'next' | 'previous' | 'same'): boolean | null {
    const { all, one } = matchColours(isDark());
    const decorations = { matchBackground: all, activeMatchBackground: one, matchOverviewRuler: all, activeMatchColorOverviewRuler: one };
    const options = { caseSensitive: matchCase, regex, incremental: to === 'same', decorations };
    // Else it takes what it found before for what another case, or an expression, would find.
    if (to === 'same') this.addon.clearDecorations();
    try {
      return to === 'previous' ? this.addon.findPrevious(text, options) : this.addon.findNext(text, options);
    } catch (error) {
      if (error instanceof SyntaxError) return null;
      throw error;
    }
  }

  /** Marks the lowest place that has the text, and scrolls to it. */
  reveal(text: string): void {
    this.terminal.clearSelection();
    this.addon.findPrevious(text);
  }

  clear(): void {
    this.found = NO_MATCHES;
    this.addon.clearDecorations();
    this.terminal.clearSelection();
  }
}
