'use client';
import { AGREEMENT_CONTACT_MAX, AGREEMENT_TEXT_MAX } from '@plumbline/protocol/limits';
import { Alert, Button, Dialog, DialogContent, DialogFooter, Field, Input, Textarea, toast, useZone } from '@plumbline/ui';
import { useMutation } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { rpc } from '@/features/rpc/client.ts';
import type { StudyAgreements } from '../model/words.ts';

/** Writes a version of a study's agreement, beginning with the newest one's text. */
export function NewVersionDialog({
  study,
  onClose,
  onWritten,
}: {
  study: StudyAgreements;
  onClose: () => void;
  onWritten: () => Promise<unknown>;
}) {
  const zone = useZone();
  const [newest] = study.versions;
  const write = useMutation({
    mutationFn: (given: { text: string; contact: string; withdrawUntil: Date }) =>
      rpc.agreement.write.mutate({ studyId: study.studyId, ...given }),
    onSuccess: async ({ n }) => {
      toast.success(`Version ${n} is asked for from now on.`);
      onClose();
      await onWritten();
    },
  });

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    write.mutate({
      text: String(fields.get('text')),
      contact: String(fields.get('contact')),
      withdrawUntil: new Date(String(fields.get('withdrawUntil'))),
    });
  }

  return (
    <Dialog open onOpenChange={(open) => (open ? undefined : onClose())}>
      <DialogContent
        title={newest ? `A new version for ${study.name}` : `The agreement of ${study.name}`}
        description="A version is never changed once it is written. Whoever has not started is asked anew; attempts that began stay with theirs."
        className="max-w-3xl"
      >
        <form className="space-y-4" onSubmit={submit} onChange={() => write.reset()}>
          <Field label="Text" hint="Markdown. The six consents are asked below it, one by one, and need not be repeated.">
            {(control) => (
              <Textarea
                {...control}
                name="text"
                required
                rows={12}
                maxLength={AGREEMENT_TEXT_MAX}
                className="font-mono"
                defaultValue={newest?.text}
              />
            )}
          </Field>
          <div className="grid grid-cols-2 gap-4">
            <Field label="Whom participants write to" hint="A name and an address.">
              {(control) => <Input {...control} name="contact" required maxLength={AGREEMENT_CONTACT_MAX} defaultValue={newest?.contact} />}
            </Field>
            <Field label="Answers can be changed until" hint={`Your zone, ${zone}.`}>
              {(control) => <Input {...control} name="withdrawUntil" type="datetime-local" required />}
            </Field>
          </div>
          {write.error ? <Alert tone="danger">{write.error.message}</Alert> : null}
          <DialogFooter>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" variant="primary" busy={write.isPending && 'Writing…'}>
              Write it
            </Button>
          </DialogFooter>
        </form>
      </DialogContent>
    </Dialog>
  );
}
