import { Button, cn, Tooltip } from '@plumbline/ui';
import { X } from 'lucide-react';
import { type ComponentProps, type DragEvent, type ReactNode, useState } from 'react';
import type { PaneSpot } from '../model/paneDrop.ts';
import type { BarPanel } from '../model/paneShares.ts';
import { Store } from '../model/store.ts';
import { Bar } from './Dock.tsx';
import { useStore } from './useStore.ts';

/** A tab that is being dragged: its panes show where it may go. */
const dragged = new Store<{ of: BarPanel; key: string } | null>(null);
const TAB_TYPE = 'application/x-plumbline-tab';
/** This part of a pane's width, at each side, makes another pane. */
const EDGE = 0.25;

/** Lets a tab be dropped on an element; what comes from elsewhere is not taken. */
function dropTarget(of: BarPanel, over: (event: DragEvent | null) => void, drop: (key: string, event: DragEvent) => void) {
  return {
    onDragOver: (event: DragEvent) => {
      if (dragged.get()?.of !== of) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = 'move';
      over(event);
    },
    onDragLeave: () => over(null),
    onDrop: (event: DragEvent) => {
      const tab = dragged.get();
      over(null);
      if (tab?.of !== of) return;
      event.preventDefault();
      dragged.set(null);
      drop(tab.key, event);
    },
  };
}

/** The line of the editor and of the terminals: tabs that can be closed and dragged, and buttons with a picture and a name. */
export function PanelBar({
  of,
  label,
  tabs,
  onDropLast,
  children,
}: {
  of: BarPanel;
  label: string;
  tabs: ReactNode;
  /** A tab was dropped behind the last one. */
  onDropLast: (key: string) => void;
  children?: ReactNode;
}) {
  return (
    <Bar of={of}>
      <nav
        aria-label={label}
        className="flex h-full min-w-0 flex-1 overflow-x-auto border-l border-border"
        {...dropTarget(of, () => {}, onDropLast)}
      >
        {tabs}
      </nav>
      {children ? <div className="flex items-center gap-1 px-2">{children}</div> : null}
    </Bar>
  );
}

/** What else the tab's button does is the caller's. */
export function PanelTab({
  of,
  tabKey,
  shown,
  close,
  onDropBefore,
  className,
  children,
  ...button
}: ComponentProps<'button'> & {
  of: BarPanel;
  tabKey: string;
  shown: boolean;
  close: { label: string; disabled?: boolean; onClose: () => void };
  /** Another tab was dropped on this one. */
  onDropBefore: (key: string) => void;
}) {
  const [over, setOver] = useState(false);
  const target = dropTarget(
    of,
    (event) => {
      event?.stopPropagation();
      setOver(event !== null);
    },
    (key, event) => {
      event.stopPropagation();
      onDropBefore(key);
    },
  );
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the palette has the commands that do without a mouse what the drag does.
    <div
      draggable
      // The whole group of panels is dragged by the rest of the line alone.
      data-tab-ignore
      onDragStart={(event) => {
        event.dataTransfer.setData(TAB_TYPE, tabKey);
        event.dataTransfer.effectAllowed = 'move';
        // What appears beneath the pointer while the drag begins would end it.
        setTimeout(() => dragged.set({ of, key: tabKey }));
      }}
      onDragEnd={() => setTimeout(() => dragged.set(null))}
      {...target}
      className={cn(
        'flex shrink-0 items-center border-r border-border pr-1',
        shown ? 'bg-surface' : 'text-muted hover:text-foreground',
        className,
        over && 'shadow-[inset_2px_0_0_var(--accent)]',
      )}
    >
      <button type="button" className="flex h-full items-center gap-1 px-3 text-xs" {...button}>
        {children}
      </button>
      <button
        type="button"
        tabIndex={-1}
        disabled={close.disabled}
        aria-label={close.label}
        onClick={close.onClose}
        className="rounded p-0.5 opacity-60 hover:bg-hover hover:opacity-100"
      >
        <X aria-hidden className="size-3" />
      </button>
    </div>
  );
}

/** Lies over a pane while a tab is dragged, and shows what a drop would do. */
export function PaneDrop({ of, canSplit, onDrop }: { of: BarPanel; canSplit: boolean; onDrop: (key: string, spot: PaneSpot) => void }) {
  const tab = useStore(dragged);
  const [spot, setSpot] = useState<PaneSpot | null>(null);
  if (tab?.of !== of) return null;
  const spotAt = (event: DragEvent): PaneSpot => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const at = (event.clientX - left) / width;
    return !canSplit ? 'whole' : at < EDGE ? 'left' : at > 1 - EDGE ? 'right' : 'whole';
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: there only while something is dragged over it.
    <div
      className="absolute inset-0 z-20"
      data-testid="pane-drop"
      // A mouse that moves by itself drags nothing any more, however the drag ended.
      onMouseMove={() => dragged.set(null)}
      {...dropTarget(
        of,
        (event) => setSpot(event && spotAt(event)),
        (key, event) => onDrop(key, spotAt(event)),
      )}
    >
      {spot ? (
        <div
          className={cn(
            'pointer-events-none absolute inset-y-0 rounded border-2 border-accent bg-accent/20',
            spot === 'right' ? 'left-1/2' : 'left-0',
            spot === 'left' ? 'right-1/2' : 'right-0',
          )}
        />
      ) : null}
    </div>
  );
}

/** A button of the line; its name is shown when it is pointed at. */
export function PanelButton({ label, ...button }: ComponentProps<typeof Button> & { label: string }) {
  return (
    <Tooltip label={label}>
      <Button variant="ghost" size="icon-sm" aria-label={label} {...button} />
    </Tooltip>
  );
}
