'use client';
import { Button, EmptyState, formatDuration, toast } from '@plumbline/ui';
import { Gauge, Play } from 'lucide-react';
import { useState } from 'react';
import { ScoreChart, type ScorePoint } from './ScoreChart.tsx';
import { ScoreProgress } from './ScoreProgress.tsx';
import { ScoreRows } from './ScoreRows.tsx';
import { useSession, useSessionState, useTick } from './useAttemptSession.ts';

/** Scoring: ask for one, see how long it runs, and what came of those before. */
export function ScorePanel() {
  const session = useSession();
  const { scores, scoreProgress, scoreScale, scoreVisible, connection, sandbox, clock } = useSessionState();
  const [asking, setAsking] = useState(false);
  const [cancelling, setCancelling] = useState(false);
  const running = scores.find((row) => row.status === 'running');
  useTick(500, running !== undefined);
  const progress = scoreProgress?.scoreId === running?.scoreId ? scoreProgress : null;
  const ready = connection.kind === 'open' && sandbox === 'attached' && clock?.state === 'running';
  const points: ScorePoint[] = scores.flatMap((row) =>
    row.score === null
      ? []
      : [{ n: row.n, elapsedMs: row.elapsedMs, score: row.score, normalised: row.normalised, eligible: row.eligible }],
  );
  const toMs = Math.max(session.clock.elapsedMs(), ...points.map((point) => point.elapsedMs));

  const act = async (fn: () => Promise<unknown>, setBusy: (busy: boolean) => void) => {
    setBusy(true);
    try {
      await fn();
    } catch (error) {
      toast.error(error instanceof Error ? error.message : 'That did not work. Try again.');
    } finally {
      setBusy(false);
    }
  };

  return (
    <div className="flex h-full flex-col gap-4 overflow-auto p-3">
      <div className="flex items-center gap-2">
        <Button
          data-testid="score-run"
          variant="primary"
          className="flex-1"
          disabled={!ready || running !== undefined}
          busy={asking && 'Asking'}
          onClick={() => void act(() => session.ask('score', {}), setAsking)}
        >
          <Play /> Score now
        </Button>
        {running ? (
          <Button
            data-testid="score-cancel"
            disabled={!ready}
            busy={cancelling && 'Cancelling'}
            onClick={() => void act(() => session.ask('score.cancel', {}), setCancelling)}
          >
            Cancel
          </Button>
        ) : null}
      </div>
      {progress ? <ScoreProgress progress={progress} nowMs={session.clock.serverNowMs()} /> : null}
      {points.length > 0 ? <ScoreChart points={points} toMs={toMs} scale={scoreScale} /> : null}
      {scoreVisible ? null : (
        <p className="text-xs text-muted">
          In this environment scores are recorded, not shown. Messages of the scorer are shown where it gives any.
        </p>
      )}
      {scores.length > 0 ? (
        <ScoreRows
          rows={scores}
          visible={scoreVisible}
          running={
            running ? (
              <span className="text-xs text-accent tabular-nums" data-testid="score-running">
                running for {formatDuration(Math.max(0, session.clock.serverNowMs() - running.requestedAtMs))}
              </span>
            ) : null
          }
        />
      ) : (
        <EmptyState icon={<Gauge aria-hidden />} title="No score yet">
          Score as often as you like; each is stamped with the time at which you asked. In a terminal:{' '}
          <code className="font-mono">task score</code>.
        </EmptyState>
      )}
    </div>
  );
}
