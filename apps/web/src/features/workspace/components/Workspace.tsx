'use client';

/** The participant's workspace of one attempt: fills the height that its page gives it. */
export function Workspace({ attemptId, title }: { attemptId: string; title: string }) {
  return <div data-attempt={attemptId}>{title}</div>;
}
