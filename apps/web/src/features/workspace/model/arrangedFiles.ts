import { closedPane, droppedFile, focusedPane, type OpenFilesState, shownInPane, splitPane } from './editorPanes.ts';
import { FileTrail, type KeptTrail, readTrail } from './fileTrail.ts';
import { fieldsOf, parsedJson, textsOf } from './keptJson.ts';
import type { OpenFile } from './openFile.ts';
import type { OpenList } from './openList.ts';
import { MOST_PANES, movedAlong, movedBefore, nextAlong, type PaneSpot } from './paneDrop.ts';
import { Store } from './store.ts';

/** What is kept for the next page. */
interface Remembered {
  paths: string[];
  active: string | null;
  /** The file in each; none where there was one alone. */
  panes: (string | null)[];
  trail: KeptTrail | null;
}

function readRemembered(kept: string): Remembered {
  const { paths, active, panes, trail } = fieldsOf(parsedJson(kept));
  const textOrNull = (value: unknown) => (typeof value === 'string' ? value : null);
  return {
    paths: textsOf(paths),
    active: textOrNull(active),
    panes: Array.isArray(panes) ? panes.map(textOrNull) : [],
    trail: readTrail(trail),
  };
}

/** Which files are open in this tab, in what order and in which panes. What is in them is not known here. */
export class ArrangedFiles {
  readonly store = new Store<OpenFilesState>({ files: [], active: null, panes: [null], pane: 0 });
  protected disposed = false;
  protected readonly trail = new FileTrail();
  private readonly list: Pick<OpenList, 'keep' | 'last'>;

  constructor(list: Pick<OpenList, 'keep' | 'last'>) {
    this.list = list;
  }

  /** Shows an open file in the pane that has the focus. */
  activate(path: string): void {
    this.store.patch(shownInPane(this.store.get(), path));
    this.rememberOpen();
  }

  /** Another pane beside the one that has the focus, with the same file. */
  split(): void {
    this.arrange(splitPane(this.store.get()));
  }

  closePane(at: number): void {
    this.arrange(closedPane(this.store.get(), at));
  }

  /** Shows an open file in a pane, or in a new one at its edge. */
  dropOnPane(path: string, at: number, spot: PaneSpot): void {
    if (this.file(path)) this.arrange(droppedFile(this.store.get(), path, at, spot));
  }

  /** Puts a file's tab in front of another's; at the end for null. */
  moveTab(path: string, before: string | null): void {
    this.reorder(movedBefore(this.paths, path, before));
  }

  /** Puts the tab of the file in front a place further to one side. */
  moveActiveTab(by: -1 | 1): void {
    const { active } = this.store.get();
    if (active !== null) this.reorder(movedAlong(this.paths, active, by));
  }

  /** Shows the next file of the row, or the one before, where the one in front is shown. */
  activateNext(by: -1 | 1): void {
    const { active } = this.store.get();
    const next = active === null ? undefined : nextAlong(this.paths, active, by);
    if (next !== undefined) this.activate(next);
  }

  focusPane(at: number): void {
    this.arrange(focusedPane(this.store.get(), at));
  }

  protected file(path: string): OpenFile | undefined {
    return this.store.get().files.find((file) => file.path === path);
  }

  protected patchFile(path: string, part: Partial<OpenFile>): void {
    if (this.disposed) return;
    const files = this.store.get().files.map((file) => (file.path === path ? { ...file, ...part } : file));
    this.store.patch({ files });
  }

  private get paths(): string[] {
    return this.store.get().files.map(({ path }) => path);
  }

  private reorder(paths: string[]): void {
    this.arrange({ files: paths.flatMap((path) => this.file(path) ?? []) });
  }

  private arrange(panes: Partial<OpenFilesState> | null): void {
    if (!panes) return;
    this.store.patch(panes);
    this.rememberOpen();
  }

  protected rememberOpen(): void {
    const { active, panes } = this.store.get();
    this.list.keep(JSON.stringify({ paths: this.paths, active, panes, trail: this.trail.kept }));
  }

  protected async remembered(): Promise<Remembered | null> {
    const kept = await this.list.last();
    return kept === null ? null : readRemembered(kept);
  }

  protected arrangeAsBefore({ active, panes }: Remembered): void {
    if (panes.length > 1) {
      const shown = panes.slice(0, MOST_PANES).map((path) => (path && this.file(path) ? path : null));
      this.store.patch({ panes: shown, pane: Math.max(0, shown.indexOf(active)) });
    }
    if (active && this.file(active)) this.activate(active);
  }
}
