'use client';
import { Command as Cmdk } from 'cmdk';
import { Dialog as RadixDialog } from 'radix-ui';
import type { ComponentProps, ReactNode } from 'react';
import { cn } from './cn.tsx';
import { useReturnedFocus } from './returnedFocus.ts';

/** A palette over the page: type to choose, Enter to do. Used for commands and for quick open. */
export function CommandDialog({
  open,
  onOpenChange,
  label,
  placeholder,
  children,
  ...props
}: Omit<ComponentProps<typeof Cmdk>, 'label'> & {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  label: string;
  placeholder: string;
  children: ReactNode;
}) {
  const focus = useReturnedFocus();
  return (
    <RadixDialog.Root open={open} onOpenChange={onOpenChange}>
      <RadixDialog.Portal>
        <RadixDialog.Overlay className="fixed inset-0 z-40 bg-black/40" />
        <RadixDialog.Content
          {...focus}
          aria-describedby={undefined}
          className="fixed top-20 left-1/2 z-50 w-[calc(100vw-2rem)] max-w-xl -translate-x-1/2 overflow-hidden rounded-lg border border-border bg-surface-raised shadow-raised"
        >
          <RadixDialog.Title className="sr-only">{label}</RadixDialog.Title>
          <Cmdk label={label} {...props}>
            <Cmdk.Input
              placeholder={placeholder}
              className="h-10 w-full border-b border-border bg-transparent px-4 text-sm outline-none placeholder:text-muted"
            />
            <Cmdk.List className="max-h-80 overflow-y-auto p-1">
              <Cmdk.Empty className="px-4 py-6 text-center text-sm text-muted">Nothing matches.</Cmdk.Empty>
              {children}
            </Cmdk.List>
          </Cmdk>
        </RadixDialog.Content>
      </RadixDialog.Portal>
    </RadixDialog.Root>
  );
}

export function CommandItem({ className, ...props }: ComponentProps<typeof Cmdk.Item>) {
  return (
    <Cmdk.Item
      className={cn(
        'flex cursor-default items-center gap-2 rounded px-3 py-1 text-sm data-[selected=true]:bg-hover [&_svg]:size-4 [&_svg]:text-muted',
        className,
      )}
      {...props}
    />
  );
}

export function CommandGroup({ heading, children }: { heading: string; children: ReactNode }) {
  return (
    <Cmdk.Group
      heading={heading}
      className="[&_[cmdk-group-heading]]:px-3 [&_[cmdk-group-heading]]:py-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-muted"
    >
      {children}
    </Cmdk.Group>
  );
}
