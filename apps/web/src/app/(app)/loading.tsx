import { Page, Skeleton } from '@plumbline/ui';

/** Holds the shape that most pages have: a heading and a table. */
export default function Loading() {
  return (
    <Page>
      <p role="status" className="sr-only">
        Loading the page
      </p>
      <div className="space-y-2">
        <Skeleton className="h-7 w-48" />
        <Skeleton className="h-5 w-96 max-w-full" />
      </div>
      <Skeleton className="h-64 w-full" />
    </Page>
  );
}
