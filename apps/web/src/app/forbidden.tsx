import { Button, Card, EmptyState } from '@plumbline/ui';
import Link from 'next/link';

export default function Forbidden() {
  return (
    <main className="mx-auto w-full max-w-xl px-6 py-16">
      <h1 className="sr-only">Not allowed</h1>
      <Card>
        <EmptyState
          title="Your account may not open this page"
          action={
            <Button asChild variant="primary">
              <Link href="/">Go home</Link>
            </Button>
          }
        >
          It belongs to somebody else, or to another role. If you should have it, ask an admin to change your role.
        </EmptyState>
      </Card>
    </main>
  );
}
