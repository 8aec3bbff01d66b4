import { Badge } from '@plumbline/ui';
import { STATE_WORDS } from '../model/words.ts';

export function StateBadge({ state }: { state: string }) {
  const words = STATE_WORDS[state] ?? { label: state, tone: 'neutral' as const };
  return <Badge tone={words.tone}>{words.label}</Badge>;
}
