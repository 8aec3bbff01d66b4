'use client';
import { isTiedToHost } from '@plumbline/core';
import { Alert } from '@plumbline/ui';

const NAMED_MAX = 5;

/** Files that a return on another machine is without: where they are, and what decides whether they are there again. */
export function LeftOutFiles({ files, canSplit = false }: { files: readonly { path: string; reason: string }[]; canSplit?: boolean }) {
  if (files.length === 0) return null;
  const more = files.length - NAMED_MAX;
  return (
    <Alert tone="warning" title="Not in the copy of your workspace" className="text-left">
      <ul className="list-disc pl-4">
        {files.slice(0, NAMED_MAX).map(({ path, reason }) => (
          <li key={path}>
            <code className="break-all">{path}</code> ({reason})
          </li>
        ))}
        {more > 0 ? <li>{more} more</li> : null}
      </ul>
      <p>
        They lie only on the machine where they were made. If it has room when yours is looked for, they are there again; else{' '}
        {isTiedToHost(files) ? 'you choose: wait for it, or go on elsewhere without them.' : 'you come back on another one without them.'}{' '}
        {canSplit ? 'What you cannot make again, split into smaller files first.' : null}
      </p>
    </Alert>
  );
}
