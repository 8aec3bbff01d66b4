import type { ReactNode } from 'react';
import { cn } from './cn.tsx';

const WIDTHS = { narrow: 'max-w-3xl', wide: 'max-w-6xl', full: 'max-w-[100rem]' };

/** A page's width and rhythm: narrow to read, wide for most, full for tables with many columns. */
export function Page({ children, width = 'wide', className }: { children: ReactNode; width?: keyof typeof WIDTHS; className?: string }) {
  return (
    <div data-page className={cn('mx-auto w-full space-y-6 px-6 py-6', WIDTHS[width], className)}>
      {children}
    </div>
  );
}

/** The one `h1` of a page, with what it is for and what can be done. */
export function PageHeader({ title, description, actions }: { title: ReactNode; description?: ReactNode; actions?: ReactNode }) {
  return (
    <header className="flex flex-wrap items-start justify-between gap-4">
      <div className="min-w-0">
        <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
        {description ? <div className="mt-1 text-sm text-muted">{description}</div> : null}
      </div>
      {actions ? <div className="flex shrink-0 items-center gap-2">{actions}</div> : null}
    </header>
  );
}

/** Pairs of a term and its value. */
export function Facts({ items, className }: { items: { term: string; value: ReactNode }[]; className?: string }) {
  return (
    <dl className={cn('grid grid-cols-2 gap-x-6 gap-y-3 sm:grid-cols-4', className)}>
      {items.map((item) => (
        <div key={item.term} className="min-w-0">
          <dt className="text-xs text-muted">{item.term}</dt>
          <dd className="mt-0.5 text-sm font-medium tabular-nums [&_time]:whitespace-normal">{item.value}</dd>
        </div>
      ))}
    </dl>
  );
}
