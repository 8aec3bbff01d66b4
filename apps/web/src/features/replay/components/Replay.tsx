'use client';

/** The replay of one attempt's recording. */
export function Replay({ attemptId }: { attemptId: string }) {
  return <div data-attempt={attemptId} />;
}
