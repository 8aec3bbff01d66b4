import { JSON_LEVELS_MAX } from '@plumbline/core';
import { expect, test } from 'vitest';
import { eventOfPage, eventOfRunner } from './incomingEvents.ts';

const [TAB, OTHER] = ['7a1c8a54-52a8-4cde-93ab-8a9b4a2f0c11', 'e2a7a0a4-4a5e-4b3b-8d3b-0b2f3a0c9d22'];
const focus = { n: 7, type: 'focus.page', atMs: 1_000, data: { tab: TAB, visible: true, focused: false } };

test('a runner says what runners see, in words that a schema knows, and nothing that only a page may say', () => {
  const said = (type: string, data: unknown) => eventOfRunner({ t: 'event', n: 1, stream: 0, atMs: 1_000, type, data });
  expect(said('file.changed', { op: 'deleted', path: 'a.py' })).toMatchObject({ type: 'file.changed', atMs: 1_000 });
  expect(said('file.changed', { op: 'deleted', path: 7 })).toBeNull();
  expect(said('focus.page', focus.data)).toBeNull();
  const nested = (levels: number) => {
    const details = JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);
    return said('score.details', { scoreId: 's', details, output: '', scorerHash: '', hashBefore: '', hashAfter: '' });
  };
  expect(nested(JSON_LEVELS_MAX)).toMatchObject({ type: 'score.details' });
  expect(nested(JSON_LEVELS_MAX + 1)).toBeNull();
  expect(nested(100_000)).toBeNull();
  for (const type of ['no.such.type', 'toString', '__proto__', 'constructor']) expect(said(type, {}), type).toBeNull();
});

test('a page’s claim that cannot be read, or that names another tab, is a gap with its number', () => {
  expect(eventOfPage(TAB, focus)).toEqual({ event: { type: 'focus.page', stream: 0, atMs: 1_000, data: focus.data }, readable: true });
  const gap = { type: 'connection.gap', data: { source: `tab:${TAB}`, from: 7, to: 7, reason: 'malformed' } };
  expect(eventOfPage(TAB, { ...focus, data: { tab: TAB } })).toMatchObject({ event: gap, readable: false });
  expect(eventOfPage(OTHER, focus)).toMatchObject({ event: { ...gap, data: { ...gap.data, source: `tab:${OTHER}` } } });
});

test('a paste into a terminal, which may be a password, is its length, whatever the page says of it; one into an editor is as it was said', () => {
  const paste = (target: string) =>
    eventOfPage(TAB, { ...focus, type: 'clipboard.paste', data: { tab: TAB, target, length: 7, hash, text: 'hunter2' } });
  const hash = 'ab'.repeat(32);
  expect(paste('terminal:1').event.data).toEqual({ tab: TAB, target: 'terminal:1', length: 7 });
  expect(paste('editor:a.py').event.data).toEqual({ tab: TAB, target: 'editor:a.py', length: 7, hash, text: 'hunter2' });
});

test('a page records nothing of a runner’s, and no name that objects have by themselves', () => {
  for (const type of ['terminal.output', 'score.finished', 'toString', '__proto__'])
    expect(() => eventOfPage(TAB, { ...focus, type }), type).toThrow(/cannot record/);
});
