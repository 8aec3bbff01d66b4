import { type ScoreProgress as Progress, SCORE_STEPS, type ScoreStep } from '@plumbline/protocol';
import { cn, formatDuration, formatSpan } from '@plumbline/ui';

const STEP_WORDS: Record<ScoreStep, string> = {
  capturing: 'Your submission is captured',
  preparing: 'The scorer is prepared',
  scoring: 'The scorer runs',
  storing: 'The result is stored',
};

/** What a score that runs is doing, for how long, and how long the scorer may take. */
export function ScoreProgress({ progress, nowMs }: { progress: Progress; nowMs: number }) {
  const { step, sinceMs, scorerLimitMs } = progress;
  const at = SCORE_STEPS.indexOf(step);
  return (
    <div className="space-y-1.5" data-testid="score-step" data-step={step}>
      <div aria-hidden className="flex gap-1">
        {SCORE_STEPS.map((one, index) => (
          <span
            key={one}
            className={cn('h-1 flex-1 rounded-full', index < at ? 'bg-accent' : index === at ? 'bg-accent/50' : 'bg-border')}
          />
        ))}
      </div>
      <p className="flex flex-wrap gap-x-2 text-xs">
        <span role="status">{STEP_WORDS[step]}</span>
        <span className="text-muted tabular-nums">
          {formatDuration(Math.max(0, nowMs - sinceMs))}
          {step === 'scoring' ? ` of at most ${formatSpan(scorerLimitMs)}` : ''}
        </span>
      </p>
    </div>
  );
}
