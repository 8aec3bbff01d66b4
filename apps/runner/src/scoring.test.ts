import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@plumbline/config/systemClock';
import { pino } from 'pino';
import { expect, it, vi } from 'vitest';
import { EventLog, openJournal } from './eventLog.ts';
import { Scoring, type ScoringOptions } from './scoring.ts';
import { ServerTime } from './serverTime.ts';

it('a score whose mark cannot be written, as on a full disk, is a row that says so, and the next one may begin', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'scoring-'));
  const journal = openJournal(dir);
  const log = new EventLog(journal, new ServerTime(systemClock), systemClock);
  // Nothing of a sandbox is reached before the mark stands.
  const rest = { task: { family: { contentHash: 'hash' } } } as unknown as ScoringOptions;
  const scoring = new Scoring({ ...rest, stateDir: join(dir, 'gone'), log, clock: systemClock, logger: pino({ level: 'silent' }) });
  try {
    for (const n of [1, 2]) {
      await scoring.start({ scoreId: `score-${n}`, n, trigger: 'clean', submissionHash: 'hash' });
      await vi.waitFor(() => expect(scoring.current).toBeNull(), { timeout: 20_000, interval: 20 });
    }
    const finished = [...log.entriesAfter(0)]
      .map(({ body }) => JSON.parse(body.toString()))
      .filter(({ type }) => type === 'score.finished');
    expect(finished.map(({ data }) => data)).toMatchObject([
      { scoreId: 'score-1', status: 'cancelled', message: { reason: expect.stringContaining('could not be run') } },
      { scoreId: 'score-2', status: 'cancelled' },
    ]);
  } finally {
    journal.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
