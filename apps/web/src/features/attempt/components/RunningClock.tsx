'use client';
import type { ClockFigures } from '@plumbline/core';
import { formatDuration } from '@plumbline/ui';
import { useEffect, useState } from 'react';

const TICK_MS = 1_000;

/** Shows a clock that goes on between two answers of the platform; the platform's figures are what counts. */
export function RunningClock({ clock, show }: { clock: ClockFigures; show: 'elapsed' | 'remaining' }) {
  const [receivedAtMs, setReceivedAtMs] = useState<number | null>(null);
  const [nowMs, setNowMs] = useState(0);
  useEffect(() => {
    setReceivedAtMs(performance.now());
    setNowMs(performance.now());
    if (!clock.running) return;
    const timer = setInterval(() => setNowMs(performance.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [clock.serverNowMs, clock.running]);
  const sinceMs = clock.running && receivedAtMs !== null ? nowMs - receivedAtMs : 0;
  const valueMs = show === 'elapsed' ? Math.min(clock.limitMs, clock.elapsedMs + sinceMs) : Math.max(0, clock.remainingMs - sinceMs);
  return <span className="tabular-nums">{formatDuration(valueMs)}</span>;
}
