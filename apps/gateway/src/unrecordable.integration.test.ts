import { listScores, requestScore } from '@plumbline/database';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayRig } from './gateway.fixture.ts';

let rig: GatewayRig;
beforeAll(async () => {
  rig = await GatewayRig.start();
});
afterAll(() => rig.stop());

describe('a runner', () => {
  it('that sends what no schema knows, or what is nested too deep to be written, goes on, and a gap stands under each number', async () => {
    const { attemptId } = await rig.attempt();
    const runner = await rig.runner(attemptId);
    const gone = new Promise<never>((_, reject) => runner.socket.once('close', (code) => reject(new Error(`closed with ${code}`))));
    gone.catch(() => {});
    const event = (n: number, type: string, data: string) =>
      runner.socket.send(`{"t":"event","n":${n},"atMs":${n},"type":"${type}","stream":0,"data":${data}}`);
    runner.says(1);
    event(2, 'file.changed', JSON.stringify({ op: 'created', path: 'x'.repeat(5_000) }));
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const costs = '"promptTokens":1,"completionTokens":1,"costUsd":0,"leftUsd":1,"durationMs":1';
    event(3, 'model.call', `{"asker":"participant","model":"a","status":200,${costs},"request":${deep},"response":{}}`);
    runner.says(4);
    await Promise.race([runner.next('ack', ({ n }) => n === 4), gone]);
    const recorded = (await rig.recorded(attemptId)).flatMap((of): unknown[] => {
      if (of.type === 'resource.sample') return [of.data.processes];
      return of.type === 'connection.gap' ? [of.data] : [];
    });
    const gap = { source: 'runner:one', reason: expect.stringContaining('cannot be recorded') };
    expect(recorded).toEqual([1, { ...gap, from: 2, to: 2 }, { ...gap, from: 3, to: 3 }, 4]);
  });

  it('whose score cannot be kept as a row is recorded on, and what came after it too', async () => {
    const { attemptId } = await rig.attempt();
    const { id: scoreId, n } = await requestScore(rig.db, attemptId, 'participant');
    const runner = await rig.runner(attemptId, { scoring: scoreId });
    // More than a whole number of the table holds.
    const data = { scoreId, n, trigger: 'participant', status: 'scored', score: 0.5, message: {}, durationMs: 1e300 };
    runner.send({ t: 'event', n: 1, atMs: 1, type: 'score.finished', stream: 0, data });
    runner.says(2);
    await runner.next('ack', (ack) => ack.n === 2);
    const types = (await rig.recorded(attemptId)).map(({ type }) => type);
    expect(types).toContain('score.finished');
    expect(types).toContain('resource.sample');
    expect(await listScores(rig.db, attemptId)).toMatchObject([{ id: scoreId, status: 'cancelled' }]);
  });
});
