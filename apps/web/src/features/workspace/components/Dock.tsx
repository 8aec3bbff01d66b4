'use client';
import { cn } from '@plumbline/ui';
import { type LucideIcon, SquareCode, SquareTerminal } from 'lucide-react';
import { createContext, type ReactNode, useContext } from 'react';
import { createPortal } from 'react-dom';
import { Separator, type TabNode, type TabRenderProps, useParentTabsetState, type WorkspaceClassNames } from 'react-resizable-panels';
import { PANEL_TITLES, type PanelId } from '../model/layout.ts';
import type { BarPanel } from '../model/paneShares.ts';
import { Store } from '../model/store.ts';
import { useSessionState } from './useAttemptSession.ts';
import { useStore } from './useStore.ts';

const ICONS: Partial<Record<PanelId, LucideIcon>> = { editor: SquareCode, terminals: SquareTerminal };

/** The line of a panel stands in the same line as the tabs of its group. */
type BarPlaces = Record<BarPanel, HTMLElement | null>;

const BarContext = createContext<Store<BarPlaces> | null>(null);
export const BarProvider = BarContext.Provider;

export function newBarPlaces(): Store<BarPlaces> {
  return new Store<BarPlaces>({ editor: null, terminals: null });
}

/** Draws a panel's line beside the tab of the panel. */
export function Bar({ of, children }: { of: BarPanel; children: ReactNode }) {
  const places = useContext(BarContext);
  if (!places) throw new Error('A panel was drawn outside of the desk');
  const place = useStore(places)[of];
  return place ? createPortal(children, place) : null;
}

/** The room for it, where the panel is in front. */
export function BarPlace() {
  const places = useContext(BarContext);
  const group = useParentTabsetState();
  const selectedTabId = group?.isCollapsed ? undefined : group?.selectedTabId;
  if (selectedTabId !== 'editor' && selectedTabId !== 'terminals') return null;
  return <div key={selectedTabId} ref={(element) => places?.patch({ [selectedTabId]: element })} className="flex h-full min-w-0 flex-1" />;
}

/** Folded to its tabs at a side of the page, a group has them one below the other. */
export const DOCK_CLASSES: WorkspaceClassNames<null, null> = {
  tabset: 'flex h-full min-h-0 min-w-0 bg-surface data-[tab-placement=top]:flex-col',
  header:
    'flex shrink-0 border-border bg-surface-sunken data-[tab-placement=top]:h-8 data-[tab-placement=top]:border-b not-data-[tab-placement=top]:w-8 not-data-[tab-placement=top]:flex-col',
  tabList: 'flex overflow-auto [scrollbar-width:none] not-data-[tab-placement=top]:flex-col',
  toolbar: 'min-w-0 flex-1',
  tabPanels: 'min-h-0 min-w-0 flex-1',
  tabContent: 'h-full',
  dropIndicator: 'z-30 rounded border-2 border-accent bg-accent/20',
  dragPreview: 'rounded border border-accent bg-surface-raised px-2 py-1 text-xs shadow-raised',
};

/** The tab of a panel, by which it is dragged. A panel with a line of its own shows its picture alone. */
export function DockTab({ tab, props }: { tab: TabNode<null>; props: TabRenderProps }) {
  const { unread } = useSessionState();
  const id = tab.id as PanelId;
  const Icon = ICONS[id];
  const { ref, className, onClick, onKeyDown, tabIndex, ...rest } = props;
  const isCollapsed = useParentTabsetState()?.isCollapsed ?? false;
  const isFront = props['aria-selected'] === true && !isCollapsed;
  return (
    <div
      {...rest}
      ref={ref}
      role="tab"
      tabIndex={tabIndex}
      // A second click on a tab must not hide what one is about to use.
      onClick={(event) => !isFront && onClick?.(event)}
      onKeyDown={(event) => !(isFront && (event.key === 'Enter' || event.key === ' ')) && onKeyDown?.(event)}
      data-testid={`tab-${id}`}
      aria-label={Icon ? PANEL_TITLES[id] : undefined}
      title={`${PANEL_TITLES[id]}: drag to put it elsewhere`}
      className={cn(
        className,
        'flex shrink-0 cursor-default items-center gap-1 border-transparent px-1.5 text-xs whitespace-nowrap select-none',
        'data-drop-after:shadow-[inset_-2px_0_0_var(--accent)] data-drop-before:shadow-[inset_2px_0_0_var(--accent)]',
        isCollapsed ? 'py-2 [writing-mode:vertical-rl]' : 'h-full border-b-2',
        isFront ? 'border-accent text-foreground' : 'text-muted hover:text-foreground',
      )}
    >
      {Icon ? <Icon aria-hidden className="size-3.5" /> : PANEL_TITLES[id]}
      {id === 'help' && unread > 0 ? (
        <span className="rounded-full bg-accent px-1.5 text-xs text-accent-foreground tabular-nums" data-testid="unread">
          {unread}
          <span className="sr-only"> new</span>
        </span>
      ) : null}
    </div>
  );
}

export function DockSeparator({ orientation, label = 'Size of the panels' }: { orientation: 'horizontal' | 'vertical'; label?: string }) {
  return (
    <Separator
      aria-label={label}
      className={cn(
        'bg-border transition-colors hover:bg-accent data-[separator=active]:bg-accent',
        orientation === 'horizontal' ? 'w-px' : 'h-px',
      )}
    />
  );
}
