import type { WorkspacePreferences } from '@plumbline/protocol';
import { flushSync } from 'react-dom';
import type { AttemptSession } from '../model/attemptSession.ts';
import { type Docks, type PanelId, showPanel } from '../model/layout.ts';
import type { Transfers } from '../model/transfers.ts';
import type { Editing } from './Desk.tsx';
import type { NameAsked } from './NameUses.tsx';

/** What commands work on, and how they reach the parts of the desk. */

export interface DeskActs {
  session: AttemptSession;
  transfers: Transfers;
  editing: Editing | null;
  /** Titles tell what a choice would be changed to. */
  chosen: WorkspacePreferences;
  docks: () => Docks | null;
  openDialog: (dialog: 'pause' | 'submit' | 'open' | 'commands' | 'seal') => void;
  focusSearch: () => void;
  newTerminal: (beside: boolean) => void;
  toggleCompare: () => void;
  showUses: (asked: NameAsked) => void;
  startTour: () => void;
}

/** Has a part of the desk do something with what is chosen or in front there. */
export function tellDesk(what: string, detail?: string | number): void {
  window.dispatchEvent(new CustomEvent(`plumbline:${what}`, { detail }));
}

/** Brings a panel to the front. The next key is already meant for what it shows. */
export function show({ docks }: Pick<DeskActs, 'docks'>, panel: PanelId): void {
  flushSync(() => showPanel(docks(), panel));
}

/** Brings a panel to the front and goes to the first thing in it that takes keys; to its tab where it only shows something. */
export function goToPanel(desk: Pick<DeskActs, 'docks'>, panel: PanelId): void {
  show(desk, panel);
  const tab = document.querySelector<HTMLElement>(`[data-testid="tab-${panel}"]`);
  const content = document.getElementById(tab?.getAttribute('aria-controls') ?? '');
  const fields = content?.querySelectorAll<HTMLElement>('textarea, input, select, button, a[href], [role=tree]') ?? [];
  const first = [...fields].find((field) => field.tabIndex >= 0 && !field.matches(':disabled') && field.checkVisibility());
  (first ?? tab)?.focus();
}

export function focusEditor(): void {
  document.querySelector<HTMLElement>('[data-testid="editor"] textarea, [data-testid="editor"] .native-edit-context')?.focus();
}
