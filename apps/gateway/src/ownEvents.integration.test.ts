import { join } from 'node:path';
import { claimEpoch, type EpochClaim } from '@plumbline/database';
import { AttemptRecorder, loadRecordingKeys, openRecording } from '@plumbline/recording';
import { folderStore } from '@plumbline/storage';
import { exampleSettings, makeAttempt, temporaryFolder, testDatabase } from '@plumbline/testing';
import { expect, it } from 'vitest';
import { KEPT_MAX, OwnEvents } from './ownEvents.ts';

it('what a gateway saw while nothing was recorded is kept up to a bound, and what is beyond it is a gap', async () => {
  const { db, drop } = await testDatabase();
  const folder = await temporaryFolder();
  try {
    const store = folderStore(join(folder.path, 'store'));
    const keys = await loadRecordingKeys(join(folder.path, 'keys'));
    const { attempt } = await makeAttempt(db, { environmentSettings: exampleSettings({}) });
    const claim = (await claimEpoch(db, attempt.id, null)) as EpochClaim;
    const ignore = () => {};
    const nowMs = () => Date.now();
    const own = new OwnEvents(nowMs);
    const latency = (roundTripMs: number) => ({ tab: 'a', roundTripMs });
    for (let n = 1; n <= KEPT_MAX + 3; n++) own.record(null, 'connection.latency', latency(n));
    const callbacks = { onDurable: ignore, onStalled: ignore, onStale: ignore };
    const recorder = await AttemptRecorder.open({ db, store, keys, attemptId: attempt.id, claim, nowMs, ...callbacks });
    own.recorderOpened(claim.epoch);
    own.recordKept(recorder);
    own.record(recorder, 'connection.latency', latency(0));
    await recorder.finish();
    const recording = await openRecording({ db, store, keys, attemptId: attempt.id });
    const events = [];
    for await (const event of recording.events()) events.push(event);
    expect(events).toHaveLength(KEPT_MAX + 2);
    expect(events.slice(-3).map(({ type, data }) => [type, data])).toEqual([
      ['connection.latency', latency(KEPT_MAX)],
      ['connection.gap', expect.objectContaining({ source: `gateway:${claim.epoch}`, from: KEPT_MAX + 1, to: KEPT_MAX + 3 })],
      ['connection.latency', latency(0)],
    ]);
  } finally {
    await drop();
    await folder.remove();
  }
});
