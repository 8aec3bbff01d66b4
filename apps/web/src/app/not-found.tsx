import { Button, Card, EmptyState } from '@plumbline/ui';
import Link from 'next/link';

export default function NotFound() {
  return (
    <main className="mx-auto w-full max-w-xl px-6 py-16">
      <h1 className="sr-only">Not found</h1>
      <Card>
        <EmptyState
          title="There is nothing at this address"
          action={
            <Button asChild variant="primary">
              <Link href="/">Go home</Link>
            </Button>
          }
        >
          The page or the attempt does not exist, or the address is cut short.
        </EmptyState>
      </Card>
    </main>
  );
}
