import { WorkspacePreferences } from '@plumbline/protocol';
import { tabStorage } from '@plumbline/ui/browserStorage';
import { rpc } from '../../rpc/client.ts';
import { type BrowserTime, browserTime } from './browserTime.ts';
import { fieldsOf, parsedJson } from './keptJson.ts';
import { Store } from './store.ts';

const SAVE_AFTER_MS = 500;
const SAVE_AGAIN_AFTER_MS = 30_000;

const DEFAULTS: WorkspacePreferences = {
  version: 1,
  autoSave: false,
  formatOnSave: false,
  copyOnSelection: false,
  wordWrap: false,
  tourSeen: false,
  layout: null,
};

/** What was kept, with the defaults for what was not, is not of its kind, or comes from another version. */
export function readPreferences(kept: unknown): WorkspacePreferences {
  const whole = WorkspacePreferences.safeParse(kept);
  if (whole.success) return whole.data;
  const preferences = { ...DEFAULTS };
  const given = fieldsOf(kept);
  for (const name of ['autoSave', 'formatOnSave', 'copyOnSelection', 'wordWrap', 'tourSeen'] as const)
    if (typeof given[name] === 'boolean') preferences[name] = given[name];
  return preferences;
}

interface Keeping {
  save(preferences: WorkspacePreferences): Promise<unknown>;
  /** Holds what was not saved yet over a reload of this tab. */
  unsent: () => Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  time: Pick<BrowserTime, 'after'>;
}

/**
 * What a person chose for their workspace, kept by the platform for their account. A page reads it once, before it draws;
 * afterwards it only writes, and only what its own person does, so that two tabs never answer each other: the last one wins.
 */
export class KeptPreferences extends Store<WorkspacePreferences> {
  private readonly keeping: Keeping;
  private userId: string | null = null;
  private saving = false;
  private cancel: (() => void) | null = null;

  constructor(keeping: Keeping) {
    super(DEFAULTS);
    this.keeping = keeping;
  }

  /** Takes what is kept for a person; what this page holds of theirs already is newer. */
  begin(userId: string, kept: unknown): void {
    if (this.userId === userId) return;
    this.userId = userId;
    const unsent = this.keeping.unsent().getItem(this.key);
    this.set(readPreferences(unsent === null ? kept : parsedJson(unsent)));
    if (unsent !== null) this.saveSoon(0);
  }

  choose(part: Partial<WorkspacePreferences>): void {
    this.patch(part);
    this.keeping.unsent().setItem(this.key, JSON.stringify(this.get()));
    this.saveSoon(SAVE_AFTER_MS);
  }

  private get key(): string {
    return `plumbline.workspace.unsent.${this.userId}`;
  }

  private saveSoon(delayMs: number): void {
    this.cancel?.();
    this.cancel = this.keeping.time.after(delayMs, () => void this.save());
  }

  private async save(): Promise<void> {
    this.cancel = null;
    // One after the other: an older one must not arrive last.
    if (this.saving) return this.saveSoon(SAVE_AFTER_MS);
    const sent = this.get();
    this.saving = true;
    try {
      await this.keeping.save(sent);
      if (this.get() === sent) this.keeping.unsent().removeItem(this.key);
    } catch {
      // The choice holds in this tab meanwhile.
      if (this.cancel === null) this.saveSoon(SAVE_AGAIN_AFTER_MS);
    } finally {
      this.saving = false;
    }
  }
}

export const preferences = new KeptPreferences({
  save: (chosen) => rpc.self.keepWorkspacePreferences.mutate(chosen),
  unsent: () => tabStorage,
  time: browserTime,
});

export const choose = (part: Partial<WorkspacePreferences>): void => preferences.choose(part);
