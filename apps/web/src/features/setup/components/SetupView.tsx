import type { AppRouter } from '@plumbline/api';
import { Alert, Card, CardBody, CardHeader, Facts, formatBytes, Time } from '@plumbline/ui';
import type { inferRouterOutputs } from '@trpc/server';
import { KEYMAP_WORDS } from '../model/words.ts';
import { FindingList } from './FindingList.tsx';

export type SetupOfAttempt = NonNullable<inferRouterOutputs<AppRouter>['attempt']['setup']>;

/** What the participant of an attempt brought along: the files as they were laid in the sandbox, and what to know of them. */
export function SetupView({ setup }: { setup: SetupOfAttempt }) {
  const { keymap, files, omitted, appliedAt, applied, problem, notices } = setup;
  const left = new Map(omitted.map(({ path, reason }) => [path, reason]));
  const total = files.reduce((sum, { size }) => sum + size, 0);
  return (
    <Card data-testid="setup-of-attempt">
      <CardHeader title="Dotfiles and keymap" description="What the participant brought along, laid in the sandbox before the clock." />
      <CardBody className="space-y-4">
        <Facts
          items={[
            { term: 'Keymap', value: KEYMAP_WORDS[keymap] },
            { term: 'Dotfiles', value: files.length === 0 ? 'None' : `${files.length} (${formatBytes(total)})` },
            { term: 'Laid', value: applied && appliedAt ? <Time at={appliedAt} /> : problem ? 'Not laid' : 'Not yet' },
          ]}
        />
        {problem ? (
          <Alert tone="warning" title="They could not be laid in the sandbox.">
            {problem}
          </Alert>
        ) : null}
        {notices.length > 0 ? (
          <Alert tone="warning" title="Look at these:">
            <FindingList findings={notices} />
          </Alert>
        ) : null}
        {files.length > 0 ? (
          <ul className="divide-y divide-border rounded-md border border-border" aria-label="Dotfiles">
            {files.map(({ path, size, text }) => (
              <li key={path} className="px-3 py-1.5 text-sm">
                <details>
                  <summary className="cursor-pointer">
                    <span className="font-mono text-xs">{path}</span>{' '}
                    <span className="text-xs text-muted">
                      {formatBytes(size)}
                      {left.has(path) ? `; not laid: ${left.get(path)}` : ''}
                    </span>
                  </summary>
                  {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard. */}
                  <pre tabIndex={0} className="mt-2 max-h-80 overflow-auto rounded-md bg-surface-sunken p-2 font-mono text-xs">
                    {text}
                  </pre>
                </details>
              </li>
            ))}
          </ul>
        ) : null}
      </CardBody>
    </Card>
  );
}
