import { readFile } from 'node:fs/promises';

/** Where something is mounted, in this process's mount namespace. Links are resolved in these paths. */
export async function mountPoints(): Promise<string[]> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  const fields = mounts.split('\n').map((line) => line.split(' ')[4] ?? '');
  // The kernel writes spaces, tabs, line ends and backslashes in octal.
  return fields
    .filter(Boolean)
    .map((field) => field.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))));
}
