import { expect, it } from 'vitest';
import { ownPrograms, programsOf } from './ownPrograms.ts';

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

it('a terminal that is closed ends what was started in it; all may be that where nobody says where it was', () => {
  const running = (terminal?: number | null) => [
    { pid: 1, command: 'python3 train.py', cpuMs: 0, terminal: 1 },
    { pid: 2, command: 'htop', cpuMs: 0, ...(terminal === undefined ? {} : { terminal }) },
  ];
  expect(programsOf(1, running(2)).map(({ pid }) => pid)).toEqual([1]);
  expect(programsOf(2, running(null))).toEqual([]);
  expect(programsOf(2, running()).map(({ pid }) => pid)).toEqual([2]);
});
