'use client';
import { Button, Card, EmptyState } from '@plumbline/ui';

/** Something failed while a page was drawn. The attempt's clock and recording live elsewhere and go on. */
export default function ErrorPage({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  return (
    <div className="mx-auto w-full max-w-xl px-6 py-16">
      <Card>
        <EmptyState
          title="This page could not be shown"
          action={
            <Button variant="primary" onClick={reset}>
              Try again
            </Button>
          }
        >
          <p>
            The platform had an error or could not reach its database. A running attempt is not touched by it: its sandbox, its clock and
            its recording go on.
          </p>
          {error.digest ? <p className="mt-2 font-mono text-xs">Reference {error.digest}</p> : null}
        </EmptyState>
      </Card>
    </div>
  );
}
