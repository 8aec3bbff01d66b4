'use client';
import { Button, Dialog, DialogContent, DialogFooter, Field, Input } from '@plumbline/ui';
import { type FormEvent, useState } from 'react';

/** Asks for a name. What the act says against it is shown beside the field, and the dialog stays. */
export function NameDialog({
  title,
  label,
  initial,
  confirmLabel,
  onClose,
  onSubmit,
}: {
  title: string;
  label: string;
  initial: string;
  confirmLabel: string;
  onClose: () => void;
  onSubmit: (name: string) => Promise<void>;
}) {
  const [name, setName] = useState(initial);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const trimmed = name.trim().replace(/^\/+|\/+$/g, '');
    if (trimmed === '') {
      setError('Give a name.');
      return;
    }
    if (trimmed.split('/').some((part) => part === '..' || part === '.')) {
      setError('The name may not lead out of its folder.');
      return;
    }
    setBusy(true);
    setError(null);
    try {
      await onSubmit(trimmed);
      onClose();
    } catch (caught) {
      setError(caught instanceof Error ? caught.message : 'That did not work. Try again.');
      setBusy(false);
    }
  };

  return (
    <Dialog open onOpenChange={(next) => !next && onClose()}>
      <DialogContent title={title}>
        <form onSubmit={(event) => void submit(event)}>
          <Field label={label} error={error}>
            {(control) => (
              <Input
                {...control}
                value={name}
                onChange={(event) => setName(event.target.value)}
                autoComplete="off"
                spellCheck={false}
                data-testid="name-field"
              />
            )}
          </Field>
          <DialogFooter>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" variant="primary" busy={busy && 'Working'}>
              {confirmLabel}
            </Button>
          </DialogFooter>
        </form>
      </DialogContent>
    </Dialog>
  );
}
