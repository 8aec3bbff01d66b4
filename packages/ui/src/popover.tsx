'use client';
import { Popover as RadixPopover } from 'radix-ui';
import type { ComponentProps } from 'react';
import { cn } from './cn.tsx';

export const Popover = RadixPopover.Root;
export const PopoverTrigger = RadixPopover.Trigger;

export function PopoverContent({ className, ...props }: ComponentProps<typeof RadixPopover.Content>) {
  return (
    <RadixPopover.Portal>
      <RadixPopover.Content
        sideOffset={4}
        align="end"
        className={cn('z-50 w-72 rounded-md border border-border bg-surface-raised p-4 shadow-raised', className)}
        {...props}
      />
    </RadixPopover.Portal>
  );
}
