'use client';
import { ROLES, type Role } from '@plumbline/core';
import { Alert, Button, Dialog, DialogContent, DialogFooter, Field, Input, Select, toast } from '@plumbline/ui';
import { useMutation } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { rpc } from '@/features/rpc/client.ts';

const ROLE_WORDS: Record<Role, string> = {
  expert: 'Expert: works on assignments',
  reviewer: 'Reviewer: replays finished attempts',
  researcher: 'Researcher: exports completed attempts',
  admin: 'Admin: everything, users included',
};

export function NewUserDialog({
  open,
  onOpenChange,
  onCreated,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onCreated: () => unknown;
}) {
  const create = useMutation({
    mutationFn: (user: { name: string; email: string; role: Role; password: string }) => rpc.user.create.mutate(user),
    onSuccess: (_, user) => {
      toast.success(`${user.name} can sign in now.`);
      onOpenChange(false);
      onCreated();
    },
  });

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    create.mutate({
      name: String(fields.get('name')),
      email: String(fields.get('email')),
      role: String(fields.get('role')) as Role,
      password: String(fields.get('password')),
    });
  }

  return (
    <Dialog
      open={open}
      onOpenChange={(next) => {
        create.reset();
        onOpenChange(next);
      }}
    >
      <DialogContent title="New user" description="Hand the password over by a safe way. It is not sent to anybody.">
        <form className="space-y-4" onSubmit={submit}>
          <Field label="Name">{(control) => <Input {...control} name="name" required maxLength={120} autoComplete="off" />}</Field>
          <Field label="E-mail">
            {(control) => <Input {...control} name="email" type="email" required maxLength={200} autoComplete="off" />}
          </Field>
          <Field label="Role">
            {(control) => (
              <Select {...control} name="role" defaultValue="expert">
                {ROLES.map((role) => (
                  <option key={role} value={role}>
                    {ROLE_WORDS[role]}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          <Field label="First password" hint="At least 10 characters.">
            {(control) => (
              <Input {...control} name="password" type="password" required minLength={10} maxLength={200} autoComplete="new-password" />
            )}
          </Field>
          {create.error ? <Alert tone="danger">{create.error.message}</Alert> : null}
          <DialogFooter>
            <Button onClick={() => onOpenChange(false)}>Cancel</Button>
            <Button type="submit" variant="primary" busy={create.isPending && 'Making the account…'}>
              Make the account
            </Button>
          </DialogFooter>
        </form>
      </DialogContent>
    </Dialog>
  );
}
