import { expect, it } from 'vitest';
import { ownPrograms } from './ownPrograms.ts';

const listed = (...commands: string[]) =>
  ownPrograms(commands.map((command, pid) => ({ pid, command, cpuMs: 0 }))).map(({ command }) => command);

it('a terminal’s shell is nobody’s work, and a script that a shell runs is', () => {
  expect(
    listed(
      '/bin/bash --init-file /run/plumbline/shell.bash -i',
      '/bin/bash --init-file /run/plumbline/shell.bash',
      '-bash',
      'zsh',
      'sh -i',
    ),
  ).toEqual([]);
  const work = ['bash train.sh', '/bin/bash -c sleep 9', 'python3 train.py', 'tmux', '[kworker]'];
  expect(listed(...work)).toEqual(work);
});
