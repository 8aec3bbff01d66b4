import { globSync } from 'node:fs';
import { expect, test } from 'vitest';
import config from '../../e2e/playwright.config.ts';
import { root, stages } from './testStages.ts';

/** What the stages' programs are told with an option, all of them together. */
function told(option: string, all: boolean): string[] {
  const commands = stages(all).flat(2);
  return commands.flatMap(({ command }) => command.filter((_, at) => command[at - 1] === option));
}

test('each thing that the short run leaves out is there, and the whole run leaves none of it out', () => {
  const isThere = (pattern: string) => globSync(pattern, { cwd: root }).some((path) => path.endsWith('.integration.test.ts'));
  const leftOut = told('--exclude', false);
  expect(leftOut.length).toBeGreaterThan(0);
  expect(leftOut.filter((pattern) => !isThere(pattern))).toEqual([]);
  expect(told('--exclude', true)).toEqual([]);
});

test('the whole run has every project of the browser tests once, but the one for machines with a GPU', () => {
  const projects = config.projects?.flatMap(({ name }) => (name === undefined || name === 'gpu' ? [] : name)) ?? [];
  expect(told('--project', true).toSorted()).toEqual([...projects, 'unit', 'integration'].toSorted());
});
