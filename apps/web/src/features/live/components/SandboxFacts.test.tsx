import { GPU_IDLE_FLAG_MS } from '@plumbline/core';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, it } from 'vitest';
import { SandboxFacts } from './SandboxFacts.tsx';

const HOUR_MS = 3_600_000;
const facts = (gpuIdleMs: number | null) =>
  renderToStaticMarkup(
    <SandboxFacts state="running" linkAgeMs={0} host="gpu-1" gpus={{ count: 2, model: 'H100' }} gpuIdleMs={gpuIdleMs} />,
  );

it('staff read for how long GPUs have been idle once that is an hour, and nothing of it before, nor where there are none', () => {
  expect(GPU_IDLE_FLAG_MS).toBe(HOUR_MS);
  expect(facts(HOUR_MS)).toContain('GPU idle for 1 h<');
  expect(facts(2 * HOUR_MS + 61_000)).toContain('GPU idle for 2 h 1 min<');
  for (const gpuIdleMs of [HOUR_MS - 1, 0, null]) expect(facts(gpuIdleMs)).not.toContain('idle');
  expect(facts(null)).toContain('gpu-1, 2 × H100');
});
