import { OWN_ATTEMPT_WORDS } from '@plumbline/core';
import { Button, Card, EmptyState } from '@plumbline/ui';
import Link from 'next/link';

/** What stands in place of a page that is not there, or not for this reader. */
function Refusal({ title, children }: { title: string; children: string }) {
  return (
    <div className="mx-auto w-full max-w-xl px-6 py-16">
      <Card>
        <h1 className="sr-only">{title}</h1>
        <EmptyState
          title={title}
          action={
            <Button asChild variant="primary">
              <Link href="/">Go home</Link>
            </Button>
          }
        >
          {children}
        </EmptyState>
      </Card>
    </div>
  );
}

export function NothingHere() {
  return <Refusal title="There is nothing at this address">The page or the attempt does not exist, or the address is cut short.</Refusal>;
}

export function NotAllowed() {
  return (
    <Refusal title="Your account may not open this page">
      It belongs to somebody else, or to another role. If you should have it, ask an admin to change your role.
    </Refusal>
  );
}

/** In place of what staff see of an attempt, to staff whose own it is. */
export function OwnAttempt() {
  return <Refusal title="You take part in this attempt">{OWN_ATTEMPT_WORDS}</Refusal>;
}
