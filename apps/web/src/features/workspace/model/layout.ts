import { normalizeWorkspaceModel, type WorkspaceImperativeHandle, type WorkspaceModel, type WorkspaceNode } from 'react-resizable-panels';
import { fieldsOf, parsedJson } from './keptJson.ts';
import { keptPanes } from './paneShares.ts';

/** Where the panels of the desk are: a tree of splits, whose leaves are groups of panels with a tab each. */

export const PANEL_TITLES = {
  files: 'Files',
  search: 'Search',
  editor: 'Editor',
  terminals: 'Terminals',
  problems: 'Problems',
  instructions: 'Instructions',
  score: 'Score',
  notes: 'Notes',
  clock: 'Clock',
  ports: 'Ports',
  resources: 'Resources',
  help: 'Help',
} as const;
export type PanelId = keyof typeof PANEL_TITLES;

export type Layout = WorkspaceModel<null, null>;
export type Docks = WorkspaceImperativeHandle<null, null>;
type Node = WorkspaceNode<null, null>;
type Group = Extract<Node, { type: 'tabset' }>;

const PANEL_IDS = Object.keys(PANEL_TITLES) as PanelId[];

function tab(id: PanelId) {
  return { id, title: PANEL_TITLES[id], data: null, disableClose: true };
}

function group(id: string, size: number, ...panels: PanelId[]): Group {
  return { type: 'tabset', id, size, collapsible: !panels.includes('editor'), tabs: panels.map(tab), selectedId: panels[0] };
}

const DEFAULT: Layout = {
  version: 1,
  root: {
    type: 'split',
    id: 'columns',
    orientation: 'horizontal',
    children: [
      group('left', 17, 'files', 'search', 'resources'),
      {
        type: 'split',
        id: 'work',
        orientation: 'vertical',
        size: 58,
        children: [group('middle', 58, 'editor'), group('below', 42, 'terminals', 'problems')],
      },
      group('right', 25, 'instructions', 'score', 'notes', 'clock', 'ports', 'help'),
    ],
  },
};

export function groupsOf(node: Node): Group[] {
  return node.type === 'tabset' ? [node] : node.children.flatMap(groupsOf);
}

function groupWith(layout: Layout, panel: PanelId): Group | undefined {
  return groupsOf(layout.root).find(({ tabs }) => tabs.some(({ id }) => id === panel));
}

/**
 * The layout that was kept. Every panel is in it once: one that it lacks joins those that it stands with at first, or else the
 * instructions. The default where it cannot be read. In an attempt for which it was not kept the instructions are in front of their group: they are what one
 * comes to read.
 */
export function readLayout(kept: string | null, attemptId: string): Layout {
  const given = parsedJson(kept);
  const layout = arranged(given);
  if (!layout) return DEFAULT;
  const home = groupWith(layout, 'instructions');
  if (fieldsOf(given)['attemptId'] !== attemptId && home) Object.assign(home, { selectedId: 'instructions', collapsed: false });
  return layout;
}

/** The text of a layout as it stands in an attempt, with the width of panes that `before` held. */
export function keptLayout(layout: Layout, attemptId: string, before: string | null = null): string {
  return JSON.stringify({ ...layout, attemptId, panes: keptPanes(before) });
}

function arranged(given: unknown): Layout | null {
  const found = new Set<string>();
  const model = normalizeWorkspaceModel<null, null>(given, {
    mapTab: ({ id }) => {
      if (found.has(id) || !Object.hasOwn(PANEL_TITLES, id)) return null;
      found.add(id);
      return tab(id as PanelId);
    },
  });
  if (!model) return null;
  const layout: Layout = { version: 1, root: model.root };
  const missing = PANEL_IDS.filter((id) => !groupWith(layout, id));
  if (missing.length === PANEL_IDS.length) return null;
  for (const id of missing) homeOf(layout, id)?.tabs.push(tab(id));
  return layout;
}

function homeOf(layout: Layout, panel: PanelId): Group | undefined {
  const first = groupWith(DEFAULT, panel)?.tabs.flatMap(({ id }) => groupWith(layout, id as PanelId) ?? []);
  return first?.[0] ?? groupWith(layout, 'instructions') ?? groupsOf(layout.root)[0];
}

/** Brings a panel to the front of its group, and unfolds that. */
export function showPanel(docks: Docks | null, panel: PanelId): void {
  const shown = docks && groupWith(docks.getModel(), panel);
  if (!shown) return;
  docks.expandTabset(shown.id);
  docks.selectTab(panel);
}

/** Folds the group of a panel to its tabs, or unfolds it. */
export function togglePanel(docks: Docks | null, panel: PanelId): void {
  const shown = docks && groupWith(docks.getModel(), panel);
  if (!shown) return;
  if (shown.collapsed) docks.expandTabset(shown.id);
  else docks.collapseTabset(shown.id);
}

/** Moves a panel to a side of another one's group; its own whole group, where it stands only with those that it stands with at first. */
export function putBeside(docks: Docks | null, panel: PanelId, other: PanelId, region: 'right' | 'bottom'): void {
  const [from, target] = docks ? [groupWith(docks.getModel(), panel), groupWith(docks.getModel(), other)] : [];
  if (!docks || !from || !target) return;
  const first = groupWith(DEFAULT, panel)?.tabs.map(({ id }) => id);
  const to = { tabsetId: target.id, region };
  if (from.tabs.every(({ id }) => first?.includes(id))) docks.moveTabset(from.id, to);
  else docks.moveTab(panel, to);
}

/** Moves the whole group of a panel to an edge of the desk. */
export function putAtEdge(docks: Docks | null, panel: PanelId, edge: 'left' | 'right' | 'bottom'): void {
  const moved = docks && groupWith(docks.getModel(), panel);
  if (moved) docks.moveTabset(moved.id, { edge });
}

/** Moves the panel that was used last to an edge of the desk, or into the next group; false where none was used yet. */
export function moveUsed(docks: Docks | null, to: 'left' | 'right' | 'bottom' | 'next group'): boolean {
  if (!docks) return false;
  const groups = groupsOf(docks.getModel().root);
  const at = groups.findIndex(({ id }) => id === docks.getActiveTabsetId());
  const panel = groups[at]?.selectedId;
  const next = groups[(at + 1) % groups.length];
  if (panel === undefined || !next) return false;
  docks.moveTab(panel, to === 'next group' ? { tabsetId: next.id, region: 'center' } : { edge: to });
  return true;
}

export function resetLayout(docks: Docks | null): void {
  docks?.setModel(DEFAULT);
}

/** After a move: every group but the editor's can be folded, so that there is always something to work in. */
export function keepFoldable(docks: Docks | null): void {
  for (const { id, tabs, collapsible = false } of docks ? groupsOf(docks.getModel().root) : []) {
    const should = !tabs.some((one) => one.id === 'editor');
    if (collapsible !== should) docks?.updateTabset(id, { collapsible: should });
  }
}
