import { SlurmHostSettings } from '@plumbline/protocol';
import { expect, it } from 'vitest';
import { jobOptions } from './jobOptions.ts';

const TYPES = { 'h100 nvl': 'nvl', h100: 'nvidia_h100_80gb', 'A100 SXM': 'a100', l4: null };

it.each([
  ['h100', 'gpu:nvidia_h100_80gb:2'],
  ['H100', 'gpu:nvidia_h100_80gb:2'],
  ['H100-NVL', 'gpu:nvl:2'],
  ['a100-sxm', 'gpu:a100:2'],
  ['a100', 'gpu:a100:2'],
  ['L4', 'gpu:2'],
  ['b200', 'gpu:b200:2'],
  [null, 'gpu:2'],
])('a job for the GPU %s asks by the cluster’s name of that model, however the task spells it', (gpuModel, gres) => {
  const settings = SlurmHostSettings.parse({ sharedDir: '/shared', gpuTypes: TYPES });
  const resources = { gpuCount: 2, gpuModel, cpus: null, memoryBytes: null, exclusive: false, avoidNodes: [], maxDurationMs: 60_000 };
  const options = jobOptions(settings, { attemptId: 'a', resources, memoryBytes: null }, { dir: '/', logFile: '/dev/null' });
  expect(options.filter((option) => option.startsWith('--gres'))).toEqual([`--gres=${gres}`]);
});
