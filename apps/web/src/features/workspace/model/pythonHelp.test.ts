import { describe, expect, it } from 'vitest';
import { asBlock, PythonHelp, type PythonHelpOptions } from './pythonHelp.ts';
import { SteppedTime } from './steppedTime.ts';
import { Store } from './store.ts';

describe('words out of the sandbox', () => {
  it('cannot end the block that they are shown in', () => {
    const hostile = 'x\n```\n[a](https://example.org)\n````\n![b](https://example.org/p.png)';
    const [fence = '', ...rest] = asBlock(hostile, 'text').split('\n');
    expect(fence).toBe('`````text');
    expect(rest.at(-1)).toBe('`````');
    expect(rest.slice(0, -1).join('\n')).toBe(hostile);
    expect(asBlock('plain', 'python')).toBe('```python\nplain\n```');
  });
});

describe('help for Python', () => {
  it('asks about a renamed file under its new name', async () => {
    const asked: string[] = [];
    const nothing = { dispose: () => {} };
    const registered = () => nothing;
    const time = new SteppedTime();
    const model = {
      getLanguageId: () => 'python',
      getValueLength: () => 5,
      getValue: () => 'x = 1',
      getVersionId: () => 1,
      onDidChangeContent: () => nothing,
    };
    const store = new Store({ files: [{ path: 'old.py', model, readOnlyReason: null }] });
    const help = new PythonHelp({
      monaco: {
        languages: {
          registerCompletionItemProvider: registered,
          registerHoverProvider: registered,
          registerDefinitionProvider: registered,
          registerSignatureHelpProvider: registered,
        },
        editor: { registerEditorOpener: registered, setModelMarkers: () => {} },
        MarkerSeverity: {},
        MarkerTag: {},
      },
      files: { store },
      ask: async (act: string, { path }: { path: string }) => {
        asked.push(`${act} ${path}`);
        return { problems: [] };
      },
      time,
      say: () => {},
    } as unknown as PythonHelpOptions);
    await time.step(1_000);
    store.set({ files: [{ path: 'new.py', model, readOnlyReason: null }] });
    await time.step(1_000);
    help.dispose();
    expect(asked).toEqual([
      'language.sync old.py',
      'language.diagnose old.py',
      'language.close old.py',
      'language.sync new.py',
      'language.diagnose new.py',
      'language.close new.py',
    ]);
  });
});
