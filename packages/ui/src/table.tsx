import type { ComponentProps, ReactNode } from 'react';
import { cn } from './cn.tsx';
import { ScrollBox } from './scrollBox.tsx';

/** A table that scrolls by itself when it is wider than its place. `label` names it for screen readers; what only they read is placed within it, not beside the page. */
export function Table({ label, className, children, ...props }: ComponentProps<'table'> & { label: string }) {
  return (
    <ScrollBox role="region" aria-label={label} className="relative overflow-x-auto focus-visible:-outline-offset-2">
      <table className={cn('w-full border-collapse text-sm', className)} {...props}>
        {children}
      </table>
    </ScrollBox>
  );
}

export function TableHead({ children }: { children: ReactNode }) {
  return (
    <thead>
      <tr className="border-b border-border">{children}</tr>
    </thead>
  );
}

export function Th({ className, align = 'left', ...props }: ComponentProps<'th'> & { align?: 'left' | 'right' }) {
  return (
    <th
      scope="col"
      className={cn(
        'px-4 py-2 text-xs font-medium whitespace-nowrap text-muted',
        align === 'right' ? 'text-right' : 'text-left',
        className,
      )}
      {...props}
    />
  );
}

export function Tr({ className, ...props }: ComponentProps<'tr'>) {
  return <tr className={cn('border-b border-border last:border-b-0 hover:bg-hover', className)} {...props} />;
}

export function Td({ className, align = 'left', ...props }: ComponentProps<'td'> & { align?: 'left' | 'right' }) {
  return (
    <td className={cn('px-4 py-2 align-middle', align === 'right' && 'text-right whitespace-nowrap tabular-nums', className)} {...props} />
  );
}
