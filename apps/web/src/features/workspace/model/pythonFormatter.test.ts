import { describe, expect, it } from 'vitest';
import type { MonacoApi, TextModel } from './monaco.ts';
import { type FormatAnswer, PythonFormatter } from './pythonFormatter.ts';
import { SteppedTime } from './steppedTime.fixture.ts';

type Provider = Parameters<MonacoApi['languages']['registerDocumentFormattingEditProvider']>[1];

/** A formatter whose worker answers as it is told, and what it said to the person. */
function formatter(answer: (text: string) => FormatAnswer | null) {
  const said: string[] = [];
  const workers: { onmessage?: (event: { data: FormatAnswer }) => void; terminated: boolean }[] = [];
  let provider: Provider | null = null;
  const time = new SteppedTime();
  new PythonFormatter({
    monaco: {
      languages: {
        registerDocumentFormattingEditProvider: (_language: string, registered: Provider) => {
          provider = registered;
          return { dispose() {} };
        },
      },
    } as unknown as MonacoApi,
    time,
    say: (text) => said.push(text),
    makeWorker: () => {
      const worker: (typeof workers)[number] & Record<string, unknown> = {
        terminated: false,
        terminate: () => {
          worker.terminated = true;
        },
        postMessage: ({ text }: { text: string }) => {
          const data = answer(text);
          if (data) queueMicrotask(() => worker.onmessage?.({ data }));
        },
      };
      workers.push(worker);
      return worker as unknown as Worker;
    },
  });
  const format = async (model: { text: string }) => {
    const edits = await provider?.provideDocumentFormattingEdits(
      { getValue: () => model.text, isDisposed: () => false, getFullModelRange: () => 'all' } as unknown as TextModel,
      { tabSize: 4, insertSpaces: true },
      {} as never,
    );
    return edits?.[0]?.text ?? null;
  };
  return { format, said, workers, time };
}

describe('formatting Python', () => {
  it('leaves what was typed meanwhile, and says why a text is not formatted', async () => {
    const model = { text: 'x=1' };
    const { format, said } = formatter((text) => {
      if (text === 'x=(') return { refused: 'a bracket is open.' };
      model.text += ' # typed';
      return { text: 'x = 1\n' };
    });
    expect(await format(model)).toBe(null);
    expect(await format({ text: 'x=2' })).toBe('x = 1\n');
    expect(await format({ text: 'x=(' })).toBe(null);
    expect(said).toEqual(['Not formatted: a bracket is open.']);
  });

  it('gives a worker up that does not answer, and takes another', async () => {
    let isStuck = true;
    const { format, said, workers, time } = formatter(() => (isStuck ? null : { text: 'x = 1\n' }));
    const first = format({ text: 'x=1' });
    await time.step(30_000);
    expect(await first).toBe(null);
    expect(said[0]).toContain('does not answer');
    isStuck = false;
    expect(await format({ text: 'x=1' })).toBe('x = 1\n');
    expect(workers.map(({ terminated }) => terminated)).toEqual([true, false]);
  });
});
