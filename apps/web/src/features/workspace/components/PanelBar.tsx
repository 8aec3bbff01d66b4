import { Button, cn, Tooltip } from '@plumbline/ui';
import { X } from 'lucide-react';
import type { ComponentProps, ReactNode } from 'react';
import { Bar, type BarPanel } from './Dock.tsx';

/** The line of the editor and of the terminals: tabs that can be closed, and buttons with a picture and a name. */
export function PanelBar({ of, label, tabs, children }: { of: BarPanel; label: string; tabs: ReactNode; children?: ReactNode }) {
  return (
    <Bar of={of}>
      <nav aria-label={label} className="flex h-full min-w-0 flex-1 overflow-x-auto border-l border-border">
        {tabs}
      </nav>
      {children ? <div className="flex items-center gap-1 px-2">{children}</div> : null}
    </Bar>
  );
}

/** What else the tab's button does is the caller's. */
export function PanelTab({
  shown,
  close,
  className,
  children,
  ...button
}: ComponentProps<'button'> & { shown: boolean; close: { label: string; disabled?: boolean; onClose: () => void } }) {
  return (
    <div
      className={cn(
        'flex shrink-0 items-center border-r border-border pr-1',
        shown ? 'bg-surface' : 'text-muted hover:text-foreground',
        className,
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

/** A button of the line; its name is shown when it is pointed at. */
export function PanelButton({ label, ...button }: ComponentProps<typeof Button> & { label: string }) {
  return (
    <Tooltip label={label}>
      <Button variant="ghost" size="icon-sm" aria-label={label} {...button} />
    </Tooltip>
  );
}
