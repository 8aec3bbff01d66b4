'use client';
import { X } from 'lucide-react';
import { AlertDialog as RadixAlertDialog, Dialog as RadixDialog } from 'radix-ui';
import { type ComponentProps, type ReactNode, useState } from 'react';
import { Button } from './button.tsx';
import { cn } from './cn.tsx';
import { useReturnedFocus } from './returnedFocus.ts';

const overlay = 'fixed inset-0 z-40 bg-black/50';
const panel =
  'fixed top-1/2 left-1/2 z-50 max-h-[calc(100dvh-4rem)] w-[calc(100vw-2rem)] max-w-lg -translate-x-1/2 -translate-y-1/2 overflow-y-auto rounded-lg border border-border bg-surface-raised p-6 shadow-raised';

export const Dialog = RadixDialog.Root;
export const DialogTrigger = RadixDialog.Trigger;
export const DialogClose = RadixDialog.Close;

export function DialogContent({
  title,
  description,
  children,
  className,
  ...props
}: Omit<ComponentProps<typeof RadixDialog.Content>, 'title'> & { title: ReactNode; description?: ReactNode }) {
  const focus = useReturnedFocus();
  return (
    <RadixDialog.Portal>
      <RadixDialog.Overlay className={overlay} />
      <RadixDialog.Content
        {...focus}
        className={cn(panel, className)}
        {...(description ? {} : { 'aria-describedby': undefined })}
        {...props}
      >
        <RadixDialog.Title className="pr-8 text-base font-semibold">{title}</RadixDialog.Title>
        {description ? <RadixDialog.Description className="mt-2 text-sm text-muted">{description}</RadixDialog.Description> : null}
        <div className="mt-4">{children}</div>
        <RadixDialog.Close asChild>
          <Button variant="ghost" size="icon-sm" className="absolute top-4 right-4" aria-label="Close">
            <X />
          </Button>
        </RadixDialog.Close>
      </RadixDialog.Content>
    </RadixDialog.Portal>
  );
}

export function DialogFooter({ className, ...props }: ComponentProps<'div'>) {
  return <div className={cn('mt-6 flex justify-end gap-2', className)} {...props} />;
}

export interface ConfirmDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  description: ReactNode;
  confirmLabel: string;
  /** Shown on the button while the act runs. */
  busyLabel: string;
  cancelLabel?: string;
  tone?: 'primary' | 'danger';
  /** The dialog closes when this settles well; its error is shown in the dialog, which then stays. */
  onConfirm: () => Promise<unknown>;
  className?: string;
  children?: ReactNode;
}

/** Asks before an act that cannot be taken back. Escape and the first focus are on the side of not doing it. */
export function ConfirmDialog({
  open,
  onOpenChange,
  title,
  description,
  confirmLabel,
  busyLabel,
  cancelLabel = 'Cancel',
  tone = 'primary',
  onConfirm,
  className,
  children,
}: ConfirmDialogProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);

  async function confirm() {
    setBusy(true);
    setError(null);
    try {
      await onConfirm();
      onOpenChange(false);
    } catch (caught) {
      setError(caught instanceof Error ? caught.message : 'That did not work. Try again.');
    } finally {
      setBusy(false);
    }
  }

  return (
    <RadixAlertDialog.Root
      open={open}
      onOpenChange={(next) => {
        if (busy) return;
        setError(null);
        onOpenChange(next);
      }}
    >
      <RadixAlertDialog.Portal>
        <RadixAlertDialog.Overlay className={overlay} />
        <RadixAlertDialog.Content className={cn(panel, className)}>
          <RadixAlertDialog.Title className="text-base font-semibold">{title}</RadixAlertDialog.Title>
          <RadixAlertDialog.Description asChild>
            <div className="mt-2 text-sm text-muted">{description}</div>
          </RadixAlertDialog.Description>
          {children ? <div className="mt-4">{children}</div> : null}
          {error ? (
            <p role="alert" className="mt-4 rounded-md bg-danger-soft px-3 py-2 text-sm text-danger">
              {error}
            </p>
          ) : null}
          <DialogFooter>
            <RadixAlertDialog.Cancel asChild>
              <Button disabled={busy}>{cancelLabel}</Button>
            </RadixAlertDialog.Cancel>
            <Button variant={tone} busy={busy && busyLabel} onClick={() => void confirm()}>
              {confirmLabel}
            </Button>
          </DialogFooter>
        </RadixAlertDialog.Content>
      </RadixAlertDialog.Portal>
    </RadixAlertDialog.Root>
  );
}
