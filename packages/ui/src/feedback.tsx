import { cva, type VariantProps } from 'class-variance-authority';
import { CircleCheck, Info, OctagonAlert, TriangleAlert } from 'lucide-react';
import type { ComponentProps, ReactNode } from 'react';
import { cn } from './cn.tsx';

const alertVariants = cva('flex gap-3 rounded-md border px-3 py-2 text-sm [&>svg]:mt-0.5 [&>svg]:size-4 [&>svg]:shrink-0', {
  variants: {
    tone: {
      info: 'border-accent/30 bg-accent-soft [&>svg]:text-accent',
      success: 'border-success/30 bg-success-soft [&>svg]:text-success',
      warning: 'border-warning/30 bg-warning-soft [&>svg]:text-warning',
      danger: 'border-danger/30 bg-danger-soft [&>svg]:text-danger',
    },
  },
  defaultVariants: { tone: 'info' },
});

const ICONS = { info: Info, success: CircleCheck, warning: TriangleAlert, danger: OctagonAlert };

/** A message that stays on the page. Errors are announced at once, the others when the reader gets there. */
export function Alert({
  tone = 'info',
  title,
  actions,
  children,
  className,
}: VariantProps<typeof alertVariants> & { title?: ReactNode; actions?: ReactNode; children?: ReactNode; className?: string }) {
  const kind = tone ?? 'info';
  const Icon = ICONS[kind];
  return (
    <div role={kind === 'danger' ? 'alert' : 'status'} className={cn(alertVariants({ tone }), className)}>
      <Icon aria-hidden />
      <div className="min-w-0 flex-1 space-y-1">
        {title ? <p className="font-medium">{title}</p> : null}
        {children ? <div className="text-foreground">{children}</div> : null}
      </div>
      {actions ? <div className="flex shrink-0 items-start gap-2">{actions}</div> : null}
    </div>
  );
}

/** What a list says while it is empty: what will stand here, and how it gets there. */
export function EmptyState({
  icon,
  title,
  children,
  action,
  className,
}: {
  icon?: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  className?: string;
}) {
  return (
    <div className={cn('flex flex-col items-center gap-2 px-6 py-12 text-center [&>svg]:size-6 [&>svg]:text-muted', className)}>
      {icon}
      <p className="text-sm font-medium">{title}</p>
      {children ? <div className="max-w-prose text-sm text-muted">{children}</div> : null}
      {action ? <div className="mt-2">{action}</div> : null}
    </div>
  );
}

/** Holds the place of content that is on its way, at the size that it will have. */
export function Skeleton({ className, ...props }: ComponentProps<'div'>) {
  return <div aria-hidden className={cn('animate-pulse rounded bg-surface-sunken', className)} {...props} />;
}

/** A spinner always says what it waits for. */
export function Spinner({ label, className }: { label: string; className?: string }) {
  return (
    <span role="status" className={cn('inline-flex items-center gap-2 text-sm text-muted', className)}>
      <span aria-hidden className="size-3 animate-spin rounded-full border-2 border-current border-r-transparent" />
      {label}
    </span>
  );
}

/** Progress from 0 to 1 with what is being done; `null` where the share is not known. */
export function Progress({ value, label, className }: { value: number | null; label: string; className?: string }) {
  const percent = value === null ? undefined : Math.round(Math.min(1, Math.max(0, value)) * 100);
  return (
    <div className={cn('space-y-1', className)}>
      <div className="flex justify-between gap-4 text-xs text-muted">
        <span>{label}</span>
        {percent === undefined ? null : <span className="tabular-nums">{percent} %</span>}
      </div>
      <div
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        {...(percent === undefined ? {} : { 'aria-valuenow': percent })}
        className="h-1 overflow-hidden rounded-full bg-surface-sunken"
      >
        <div
          className={cn('h-full rounded-full bg-accent transition-[width]', percent === undefined && 'w-1/3 animate-pulse')}
          style={percent === undefined ? undefined : { width: `${percent}%` }}
        />
      </div>
    </div>
  );
}

/** Keys that are pressed together, on one line. */
export function Chord({ keys }: { keys: readonly string[] }) {
  return (
    <span className="inline-flex gap-1 align-middle">
      {keys.map((key) => (
        <kbd
          key={key}
          className="inline-flex h-5 items-center rounded border border-border bg-surface-sunken px-1 font-mono text-xs text-muted"
        >
          {key}
        </kbd>
      ))}
    </span>
  );
}
