import { Field, Input } from '@plumbline/ui';

/** What a hibernation does, and the time that is booked for coming back. */
export function BookingField({ value, onChange, error }: { value: string; onChange: (value: string) => void; error: string | null }) {
  return (
    <div className="space-y-4">
      <Field label="Come back at" hint="Your machine is looked for ten minutes earlier. You may also ask for it sooner." error={error}>
        {(control) => (
          <Input
            {...control}
            type="datetime-local"
            className="w-60"
            value={value}
            onChange={(event) => onChange(event.target.value)}
            data-testid="pause-booking"
          />
        )}
      </Field>
      <ul className="list-disc space-y-1 pl-5 text-xs text-muted">
        <li>All your programs end, shells included: save checkpoints first. What is in memory, GPU memory and /tmp is lost.</li>
        <li>Your files are kept. Should you get another machine, they come from a copy that leaves out very large files.</li>
        <li>The machine and its GPUs go to others. If none is free at the booked time, you wait with the clock standing still.</li>
        <li>It counts as one pause. Pause time is used only from the booked time on; then the usual limits hold.</li>
      </ul>
    </div>
  );
}
