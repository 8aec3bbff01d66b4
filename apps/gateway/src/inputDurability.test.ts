import { describe, expect, it } from 'vitest';
import { InputDurability } from './inputDurability.ts';

describe('InputDurability', () => {
  it('calls input durable when the recording holds the entry it was journalled as, and not before', () => {
    const input = new InputDurability();
    input.journalled(10, 'tab-a', 1);
    input.journalled(12, 'tab-b', 7);
    input.journalled(13, 'tab-a', 2);
    expect(input.durable('tab-a')).toBe(0);
    expect(input.committed(11)).toEqual(new Map([['tab-a', 1]]));
    expect(input.committed(13)).toEqual(
      new Map([
        ['tab-b', 7],
        ['tab-a', 2],
      ]),
    );
  });

  it('takes a mark that a runner reports after the recording already passed it', () => {
    const input = new InputDurability();
    input.committed(50);
    input.journalled(50, 'tab-a', 33);
    expect(input.durable('tab-a')).toBe(33);
  });

  it('measures a runner that replaces another by its own numbers', () => {
    const input = new InputDurability();
    input.journalled(50, 'tab-a', 33);
    input.committed(50);
    input.journalled(51, 'tab-a', 34);
    input.runnerReplaced();
    input.journalled(1, 'tab-a', 34);
    expect(input.durable('tab-a')).toBe(33);
    expect(input.committed(1)).toEqual(new Map([['tab-a', 34]]));
  });

  it('never moves a mark back', () => {
    const input = new InputDurability();
    input.committed(50);
    input.journalled(50, 'tab-a', 33);
    input.journalled(40, 'tab-a', 5);
    expect(input.durable('tab-a')).toBe(33);
  });
});
