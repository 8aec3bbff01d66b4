import { describe, expect, it } from 'vitest';
import type { Ask } from './ask.ts';
import { DocumentShare } from './documentShare.ts';
import { SteppedTime } from './steppedTime.fixture.ts';

const PATH = 'solution/train.py';

function tab({ answers = true } = {}) {
  const time = new SteppedTime();
  const asked: { act: string; text?: unknown }[] = [];
  const ask = (async (act: string, args: { text?: unknown }) => {
    asked.push({ act, ...('text' in args ? { text: args.text } : {}) });
    if (!answers) throw new Error('the gateway is away');
    return { editing: false, text: 'theirs', baseHash: 'h1', from: 'other' };
  }) as unknown as Ask;
  return { time, asked, share: new DocumentShare({ tab: 'here', ask, time }) };
}

describe('DocumentShare', () => {
  it('tells what is not saved once nothing was typed for a moment, as it is then', async () => {
    const { time, asked, share } = tab();
    let text = 'x';
    const unsaved = () => ({ text, baseHash: 'h1' });
    share.keepSoon(PATH, text.length, unsaved);
    await time.step(200);
    text = 'x = 1';
    share.keepSoon(PATH, text.length, unsaved);
    await time.step(200);
    expect(asked).toEqual([]);
    await time.step(200);
    expect(asked).toEqual([{ act: 'document.keep', text: 'x = 1' }]);
  });

  it('tells that all is saved only where it told of something unsaved before', async () => {
    const { time, asked, share } = tab();
    share.keepSoon(PATH, null, () => null);
    await time.step(1_000);
    expect(asked).toEqual([]);
    share.keepSoon(PATH, 1, () => ({ text: 'x', baseHash: 'h1' }));
    await time.step(1_000);
    share.keepSoon(PATH, null, () => null);
    await time.step(0);
    expect(asked.map(({ text }) => text)).toEqual(['x', null]);
  });

  it('lets a file be edited where the gateway does not answer, unless it was another tab’s', async () => {
    const { share } = tab({ answers: false });
    expect((await share.open(PATH, 'edit')).editing).toBe(true);
    expect((await share.open(PATH, 'follow')).editing).toBe(false);
    expect((await tab().share.open(PATH, 'edit')).editing).toBe(false);
  });
});
