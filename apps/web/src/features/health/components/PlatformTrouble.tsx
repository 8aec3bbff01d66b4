import { Alert } from '@plumbline/ui';
import type { Health } from '../server/health.ts';

/** What of the platform does not work now, for its staff; nothing where all does. */
export function PlatformTrouble({ health }: { health: Health }) {
  const troubled = Object.entries(health.parts).filter(([, { state }]) => state === 'down');
  if (troubled.length === 0) return null;
  return (
    <Alert tone="danger" title="A part of the platform does not work">
      <ul>
        {troubled.map(([name, { reason }]) => (
          <li key={name}>
            {name}: {reason}
          </li>
        ))}
      </ul>
    </Alert>
  );
}
