import { execFileSync } from 'node:child_process';
import { temporaryFolder } from '@plumbline/testing';
import { isAbsent, notRoot } from '@plumbline/testing/absence';
import { expect, it } from 'vitest';
import { inspectThisHost } from './inventory.ts';

// Only root may give a folder a disk of its own.
it.skipIf(isAbsent('a host whose disk is all but full', notRoot()))(
  'a host whose disk has no room for an attempt takes none, and says what to do; one that is getting full is told so',
  async () => {
    const folder = await temporaryFolder();
    const problemsWith = async (size: string) => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder.path]);
      try {
        return (await inspectThisHost({ dataDir: folder.path, isolation: null })).problems;
      } finally {
        execFileSync('umount', [folder.path]);
      }
    };
    const told = { problem: expect.stringContaining(folder.path), remedy: expect.stringContaining('Free some space') };
    expect(await problemsWith('512m')).toContainEqual({ ...told, blocking: true });
    expect(await problemsWith('2g')).toContainEqual({ ...told, blocking: false });
    expect(await problemsWith('12g')).not.toContainEqual(expect.objectContaining(told));
    await folder.remove();
  },
);
