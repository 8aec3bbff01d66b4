import { Badge, Time } from '@plumbline/ui';
import type { HostView } from './HostsOverview.tsx';

type Acceptance = Omit<HostView['refusals'][number], 'keepsAway'>;

/** One test of a machine before an attempt: its outcome in a line, every check behind it. */
export function AcceptanceReport({ acceptance }: { acceptance: Acceptance }) {
  const { passed, profile, node, at, report } = acceptance;
  return (
    <details className="text-sm">
      <summary className="cursor-pointer">
        <Badge tone={passed ? 'success' : 'danger'}>{passed ? 'Accepted' : 'Refused'}</Badge> {node === null ? '' : `${node}: `}
        {profile}
        <span className="text-muted">
          , <Time at={at} />
        </span>
      </summary>
      <ul className="mt-1 space-y-0.5 pl-4 text-xs">
        {report.length === 0 ? <li className="text-muted">Of an attempt of your own the report is not shown.</li> : null}
        {report.map(({ check, expected, found, passed: fine }) => (
          <li key={check} className={fine ? 'text-muted' : 'text-danger'}>
            {fine ? '✓' : '✗'} {check}: {found} <span className="text-muted">(expected: {expected})</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
