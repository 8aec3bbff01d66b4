'use client';
import type { AppRouter } from '@plumbline/api';
import { Alert, Button, Dialog, DialogContent, DialogFooter, Field, Input, Select, toast, useZone } from '@plumbline/ui';
import { useMutation } from '@tanstack/react-query';
import type { inferRouterOutputs } from '@trpc/server';
import { type FormEvent, useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';

type Outputs = inferRouterOutputs<AppRouter>['study'];

function toDate(value: FormDataEntryValue | null): Date | null {
  return value ? new Date(String(value)) : null;
}

export function NewAssignmentDialog({
  open,
  onOpenChange,
  studies,
  candidates,
  onCreated,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  studies: Outputs['list'];
  candidates: Outputs['candidates'];
  onCreated: () => unknown;
}) {
  const zone = useZone();
  const [studyId, setStudyId] = useState(studies[0]?.studyId ?? '');
  const study = studies.find((candidate) => candidate.studyId === studyId);
  const assign = useMutation({
    mutationFn: (input: { studyId: string; environmentId: string; userId: string; opensAt: Date | null; closesAt: Date | null }) =>
      rpc.study.assign.mutate(input),
    onSuccess: () => {
      toast.success('The assignment stands on the person’s home page now.');
      onOpenChange(false);
      onCreated();
    },
  });

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    assign.mutate({
      studyId,
      environmentId: String(fields.get('environmentId')),
      userId: String(fields.get('userId')),
      opensAt: toDate(fields.get('opensAt')),
      closesAt: toDate(fields.get('closesAt')),
    });
  }

  return (
    <Dialog
      open={open}
      onOpenChange={(next) => {
        assign.reset();
        onOpenChange(next);
      }}
    >
      <DialogContent title="New assignment">
        <form className="space-y-4" onSubmit={submit}>
          <Field label="Study">
            {(control) => (
              <Select {...control} value={studyId} onChange={(event) => setStudyId(event.target.value)} required>
                {studies.map((candidate) => (
                  <option key={candidate.studyId} value={candidate.studyId}>
                    {candidate.name}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          <Field label="Environment">
            {(control) => (
              <Select {...control} key={studyId} name="environmentId" required>
                {study?.environments.map((environment) => (
                  <option key={environment.environmentId} value={environment.environmentId}>
                    {environment.title}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          <Field label="Expert">
            {(control) => (
              <Select {...control} name="userId" required>
                {candidates.map((candidate) => (
                  <option key={candidate.id} value={candidate.id}>
                    {candidate.name} ({candidate.email})
                  </option>
                ))}
              </Select>
            )}
          </Field>
          <div className="grid grid-cols-2 gap-4">
            <Field label="Opens" hint={`Your zone, ${zone}. Empty: at once.`}>
              {(control) => <Input {...control} name="opensAt" type="datetime-local" />}
            </Field>
            <Field label="Closes" hint="Empty: never.">
              {(control) => <Input {...control} name="closesAt" type="datetime-local" />}
            </Field>
          </div>
          {assign.error ? <Alert tone="danger">{assign.error.message}</Alert> : null}
          <DialogFooter>
            <Button onClick={() => onOpenChange(false)}>Cancel</Button>
            <Button type="submit" variant="primary" disabled={!study || candidates.length === 0} busy={assign.isPending && 'Assigning…'}>
              Assign
            </Button>
          </DialogFooter>
        </form>
      </DialogContent>
    </Dialog>
  );
}
