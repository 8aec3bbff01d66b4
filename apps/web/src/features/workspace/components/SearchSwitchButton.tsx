'use client';
import { Button, cn, Tooltip } from '@plumbline/ui';
import { CaseSensitive, type LucideIcon, Regex, WholeWord } from 'lucide-react';
import type { SearchSwitch } from '../model/searchSwitch.ts';

const SWITCHES: Record<SearchSwitch, { label: string; icon: LucideIcon }> = {
  case: { label: 'Match case (Alt-C)', icon: CaseSensitive },
  word: { label: 'Whole words', icon: WholeWord },
  regex: { label: 'Regular expression (Alt-R)', icon: Regex },
};

/** One of a search's switches, whose keys `switchOfKey` knows. */
export function SearchSwitchButton({ of, on, onChange }: { of: SearchSwitch; on: boolean; onChange: (on: boolean) => void }) {
  const { label, icon: Icon } = SWITCHES[of];
  return (
    <Tooltip label={label}>
      <Button
        variant="ghost"
        size="icon-sm"
        aria-label={label}
        aria-pressed={on}
        className={cn(on ? 'bg-accent-soft text-accent' : 'text-muted')}
        onClick={() => onChange(!on)}
      >
        <Icon aria-hidden />
      </Button>
    </Tooltip>
  );
}
