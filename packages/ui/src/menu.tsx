'use client';
import { ContextMenu as RadixContextMenu, DropdownMenu as RadixDropdownMenu } from 'radix-ui';
import type { ComponentProps } from 'react';
import { cn } from './cn.tsx';

const content = 'z-50 min-w-44 rounded-md border border-border bg-surface-raised p-1 shadow-raised';
const item =
  'flex cursor-default items-center gap-2 rounded px-2 py-1 text-sm outline-none select-none data-disabled:opacity-55 data-highlighted:bg-hover [&_svg]:size-4 [&_svg]:text-muted';

/** Not modal: the page behind stays readable for screen readers, and its scroll bar in its place. */
export function Menu(props: ComponentProps<typeof RadixDropdownMenu.Root>) {
  return <RadixDropdownMenu.Root modal={false} {...props} />;
}

export const MenuTrigger = RadixDropdownMenu.Trigger;
export const MenuRadioGroup = RadixDropdownMenu.RadioGroup;

export function MenuContent({ className, ...props }: ComponentProps<typeof RadixDropdownMenu.Content>) {
  return (
    <RadixDropdownMenu.Portal>
      <RadixDropdownMenu.Content sideOffset={4} align="end" className={cn(content, className)} {...props} />
    </RadixDropdownMenu.Portal>
  );
}

export function MenuItem({ className, ...props }: ComponentProps<typeof RadixDropdownMenu.Item>) {
  return <RadixDropdownMenu.Item className={cn(item, className)} {...props} />;
}

export function MenuRadioItem({ className, children, ...props }: ComponentProps<typeof RadixDropdownMenu.RadioItem>) {
  return (
    <RadixDropdownMenu.RadioItem className={cn(item, 'justify-between', className)} {...props}>
      <span className="flex items-center gap-2">{children}</span>
      <RadixDropdownMenu.ItemIndicator className="text-accent">✓</RadixDropdownMenu.ItemIndicator>
    </RadixDropdownMenu.RadioItem>
  );
}

export function MenuLabel({ className, ...props }: ComponentProps<typeof RadixDropdownMenu.Label>) {
  return <RadixDropdownMenu.Label className={cn('px-2 py-1 text-xs text-muted', className)} {...props} />;
}

export function MenuSeparator(props: ComponentProps<typeof RadixDropdownMenu.Separator>) {
  return <RadixDropdownMenu.Separator className="my-1 h-px bg-border" {...props} />;
}

export const ContextMenu = RadixContextMenu.Root;
export const ContextMenuTrigger = RadixContextMenu.Trigger;

export function ContextMenuContent({ className, ...props }: ComponentProps<typeof RadixContextMenu.Content>) {
  return (
    <RadixContextMenu.Portal>
      <RadixContextMenu.Content className={cn(content, className)} {...props} />
    </RadixContextMenu.Portal>
  );
}

export function ContextMenuItem({ className, ...props }: ComponentProps<typeof RadixContextMenu.Item>) {
  return <RadixContextMenu.Item className={cn(item, className)} {...props} />;
}

export function ContextMenuSeparator(props: ComponentProps<typeof RadixContextMenu.Separator>) {
  return <RadixContextMenu.Separator className="my-1 h-px bg-border" {...props} />;
}
