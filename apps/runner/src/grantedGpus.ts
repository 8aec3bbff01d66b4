import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const ASK_TIMEOUT_MS = 20_000;

/**
 * The GPUs that a scheduler gave this job, by the names that isolations take. `list` is what the scheduler said
 * (`CUDA_VISIBLE_DEVICES`): numbers as `nvidia-smi` counts in this job, or names already.
 */
export async function grantedGpus(list: string): Promise<string[]> {
  const granted = list.split(',').filter((item) => /^[A-Za-z0-9-]+$/.test(item));
  if (granted.length === 0 || granted.every((item) => item.startsWith('GPU-'))) return granted;
  const { stdout } = await promisify(execFile)('nvidia-smi', ['--query-gpu=index,uuid', '--format=csv,noheader'], {
    timeout: ASK_TIMEOUT_MS,
  }).catch(() => ({ stdout: '' }));
  const names = new Map(stdout.split('\n').map((line) => line.split(',').map((part) => part.trim()) as [string, string]));
  return granted.map((item) => names.get(item) ?? item);
}
