'use client';
import { Alert, Button, Card, Field, Input } from '@plumbline/ui';
import { type FormEvent, useState } from 'react';
import { signIn } from '../model/authClient.ts';

export function FirstAdminForm() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const [name, email, password] = [String(fields.get('name')), String(fields.get('email')), String(fields.get('password'))];
    setBusy(true);
    setError(null);
    try {
      const response = await fetch('/api/setup', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ name, email, password }),
      });
      if (response.ok) {
        await signIn(email, password);
        window.location.assign('/');
        return;
      }
      const answer = (await response.json()) as { error?: { message: string } };
      setError(answer.error?.message ?? 'The account could not be made. Try again.');
    } catch {
      setError('The platform cannot be reached. Check your connection and try again.');
    }
    setBusy(false);
  }

  return (
    <Card className="p-6">
      <h1 className="text-base font-semibold">Make the first account</h1>
      <p className="mt-1 text-sm text-muted">This installation has no users yet. The first one is an admin, who then makes the others.</p>
      <form method="post" className="mt-4 space-y-4" onSubmit={(event) => void submit(event)}>
        <Field label="Name">{(control) => <Input {...control} name="name" autoComplete="name" required autoFocus maxLength={120} />}</Field>
        <Field label="E-mail">
          {(control) => <Input {...control} name="email" type="email" autoComplete="username" required maxLength={200} />}
        </Field>
        <Field label="Password" hint="At least 10 characters.">
          {(control) => (
            <Input {...control} name="password" type="password" autoComplete="new-password" required minLength={10} maxLength={200} />
          )}
        </Field>
        {error ? <Alert tone="danger">{error}</Alert> : null}
        <Button type="submit" variant="primary" size="lg" className="w-full" busy={busy && 'Making the account…'}>
          Make the account and sign in
        </Button>
      </form>
    </Card>
  );
}
