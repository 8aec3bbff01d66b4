'use client';
import { Alert, Button, Card, Field, Input } from '@plumbline/ui';
import { type FormEvent, useState } from 'react';
import { signIn } from '../model/authClient.ts';

export function SignInForm({ returnTo }: { returnTo: string }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    setBusy(true);
    setError(null);
    try {
      const answer = await signIn(String(fields.get('email')), String(fields.get('password')));
      if (answer.ok) {
        // A full load: whatever the browser kept of another account is gone with it.
        window.location.assign(returnTo);
        return;
      }
      setError(answer.message);
    } catch {
      setError('The platform cannot be reached. Check your connection and try again.');
    }
    setBusy(false);
  }

  return (
    <Card className="p-6">
      <h1 className="text-base font-semibold">Sign in</h1>
      <form method="post" className="mt-4 space-y-4" onSubmit={(event) => void submit(event)}>
        <Field label="E-mail">
          {(control) => <Input {...control} name="email" type="email" autoComplete="username" required autoFocus maxLength={200} />}
        </Field>
        <Field label="Password">
          {(control) => <Input {...control} name="password" type="password" autoComplete="current-password" required maxLength={200} />}
        </Field>
        {error ? <Alert tone="danger">{error}</Alert> : null}
        <Button type="submit" variant="primary" size="lg" className="w-full" busy={busy && 'Signing in…'}>
          Sign in
        </Button>
      </form>
      <p className="mt-4 text-xs text-muted">
        Accounts are made by the study&apos;s admins. Write to yours if you have none or have lost your password.
      </p>
    </Card>
  );
}
