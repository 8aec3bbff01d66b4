'use client';
import { Chord, Dialog, DialogContent } from '@plumbline/ui';
import { REPLAY_KEYS } from './keys.ts';

/** What each key of the replay does. */
export function KeyboardHelp({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Dialog open={open} onOpenChange={onOpenChange}>
      <DialogContent title="Keys of the replay" data-testid="replay-keys">
        <dl className="grid grid-cols-[6rem_1fr] gap-x-4 gap-y-2 text-sm">
          {REPLAY_KEYS.map(({ shown, label }) => (
            <div key={shown} className="contents">
              <dt>
                <Chord keys={[shown]} />
              </dt>
              <dd>{label}</dd>
            </div>
          ))}
        </dl>
      </DialogContent>
    </Dialog>
  );
}
