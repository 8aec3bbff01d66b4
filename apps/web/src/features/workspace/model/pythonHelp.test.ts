import { AppError } from '@plumbline/core';
import type { CancellationToken, languages, Position } from 'monaco-editor/editor/editor.api.js';
import { describe, expect, it } from 'vitest';
import type { TextModel } from './monaco.ts';
import { isOutdated, isWaited, problemRows } from './problemList.ts';
import { asBlock, nameOfPython, nameTree, PythonHelp, type PythonHelpOptions } from './pythonHelp.ts';
import { SteppedTime } from './steppedTime.fixture.ts';
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

describe('names of a text', () => {
  const named = (label: string, depth: number) => {
    const at = { line: 1, column: 1 };
    return { label, kind: 5, depth, from: at, to: at, name: { from: at, to: at } };
  };
  const shape = (names: ReturnType<typeof nameTree>): unknown[] => names.map(({ name, children = [] }) => [name, ...shape(children)]);

  it('lie in those that they lie in, also where a depth was left out', () => {
    const flat = [named('A', 0), named('a', 1), named('x', 2), named('b', 1), named('B', 0), named('deep', 7), named('C', 0)];
    expect(shape(nameTree(flat))).toEqual([['A', ['a', ['x']], ['b']], ['B', ['deep']], ['C']]);
    expect(nameTree([named('A', 0)])[0]?.kind).toBe(4);
  });
});

describe('a Python', () => {
  it('is called by its version and its environment', () => {
    expect(nameOfPython({ path: '/home/agent/.venv/bin/python', version: '3.12.1' })).toBe('Python 3.12.1 (.venv)');
    expect(nameOfPython({ path: '/usr/bin/python3', version: '3.11.2' })).toBe('Python 3.11.2');
  });
});

describe('help for Python', () => {
  /** Help for one open file, and what is asked of a server that has forgotten the text as often as is said. */
  function helpFor(path: string) {
    const asked: string[] = [];
    const marked: string[] = [];
    const said: string[] = [];
    const disk = new Map<string, string>();
    let renames: languages.RenameProvider | undefined;
    let completions: languages.CompletionItemProvider | undefined;
    let forgotten = 0;
    let isAway = false;
    let isWrong = true;
    const nothing = { dispose: () => {} };
    const registered = () => nothing;
    const time = new SteppedTime();
    const changes: (() => void)[] = [];
    const modelOf = () => {
      let version = 1;
      return {
        getLanguageId: () => 'python',
        getValueLength: () => 5,
        getValue: () => 'x = 1',
        getVersionId: () => version,
        getWordAtPosition: () => ({ word: 'x' }),
        getLineContent: () => 'x.  # As it was.',
        getWordUntilPosition: () => ({ startColumn: 1, endColumn: 1 }),
        isDisposed: () => false,
        onDidChangeContent: (listener: () => void) => {
          changes.push(listener);
          return nothing;
        },
        edit: () => {
          version += 1;
        },
      };
    };
    const model = modelOf();
    const store = new Store({ files: [{ path, model, readOnlyReason: null }] });
    const help = new PythonHelp({
      monaco: {
        languages: {
          registerCompletionItemProvider: (_: string, provider: languages.CompletionItemProvider) => {
            completions = provider;
            return nothing;
          },
          registerHoverProvider: registered,
          registerDefinitionProvider: registered,
          registerSignatureHelpProvider: registered,
          registerDocumentSymbolProvider: registered,
          registerRenameProvider: (_: string, provider: languages.RenameProvider) => {
            renames = provider;
            return nothing;
          },
        },
        editor: {
          registerEditorOpener: registered,
          setModelMarkers: (_model: object, _owner: string, markers: { message: string }[]) =>
            void marked.push(markers.map(({ message }) => message).join()),
        },
        MarkerSeverity: {},
        MarkerTag: {},
      },
      files: {
        store,
        edit: async (edited: string, change: (text: string) => { text: string; count: number }) => {
          try {
            const { text, count } = change(disk.get(edited) ?? '');
            disk.set(edited, text);
            return count;
          } catch {
            return null;
          }
        },
      },
      say: (text: string) => void said.push(text),
      ask: async (act: string, { path: about }: { path: string }) => {
        asked.push(`${act} ${about}`);
        if (act === 'language.rename') {
          const edits = [{ from: { line: 1, column: 1 }, to: { line: 1, column: 2 }, text: 'width' }];
          return { files: [...disk.keys()].map((of) => ({ path: of, edits })) };
        }
        if (isAway) throw new AppError('unavailable', 'The help for Python is away.');
        if (act === 'language.diagnose' && forgotten-- > 0) throw new AppError('not_found', 'The help for Python does not know this text.');
        const at = { line: 1, column: 1 };
        if (!isWrong) return { problems: [] };
        return { problems: [{ from: at, to: at, severity: 'error', message: 'wrong', rule: null, unused: false }] };
      },
      time,
    } as unknown as PythonHelpOptions);
    const show = (...shown: string[]) => store.set({ files: shown.map((one) => ({ path: one, model, readOnlyReason: null })) });
    const showBeside = (other: string, otherModel: ReturnType<typeof modelOf>) =>
      store.set({ files: [...store.get().files, { path: other, model: otherModel, readOnlyReason: null }] });
    return {
      ...{ help, time, asked, marked, said, disk, show, showBeside, modelOf },
      rename: (name: string) =>
        renames?.provideRenameEdits(model as unknown as TextModel, { lineNumber: 1, column: 1 } as Position, name, {} as CancellationToken),
      complete: (column: number) =>
        completions?.provideCompletionItems(
          model as unknown as TextModel,
          { lineNumber: 1, column } as Position,
          {} as languages.CompletionContext,
          {} as CancellationToken,
        ),
      forget: (times = 1) => {
        forgotten = times;
      },
      setAway: (away: boolean) => {
        isAway = away;
      },
      mend: () => {
        isWrong = false;
      },
      listed: () => problemRows(help.problems.get(), new Set()).map((row) => row.problem?.message ?? row.file),
      /** The file is judged anew though it is the same. */
      judge: async () => {
        changes[0]?.();
        await time.step(1_000);
      },
    };
  }

  it('asks about a renamed file under its new name, and takes back what was said of it', async () => {
    const { help, time, asked, marked, show } = helpFor('old.py');
    await time.step(1_000);
    expect(marked).toEqual(['wrong']);
    show('new.py');
    expect(marked.at(-1)).toBe('');
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

  it('tells the text of a library’s file and asks about it, and judges nothing there', async () => {
    const { time, asked, show } = helpFor('/usr/lib/python3/lib.py');
    show('/usr/lib/python3/other.py');
    await time.step(10_000);
    expect(asked).toEqual(['language.close /usr/lib/python3/lib.py']);
  });

  it('judges anew what is open once another Python is used', async () => {
    const { help, time, asked } = helpFor('a.py');
    await time.step(1_000);
    asked.length = 0;
    await help.useInterpreter('/home/agent/.venv/bin/python');
    await time.step(10_000);
    expect(asked).toEqual(['language.useInterpreter /home/agent/.venv/bin/python', 'language.diagnose a.py']);
  });

  it('judges each open text by what all of them say now, also where it is another that was changed', async () => {
    const { time, asked, showBeside, modelOf, judge } = helpFor('use.py');
    const shapes = modelOf();
    showBeside('lib/shapes.py', shapes);
    await time.step(1_000);
    asked.length = 0;
    shapes.edit();
    await judge();
    expect(asked).toEqual(['language.sync lib/shapes.py', 'language.diagnose use.py', 'language.diagnose lib/shapes.py']);
  });

  it('lists what is wrong in the file while it is open, under the path that it has, and never what is wrong in a library', async () => {
    const { help, time, show, listed, mend, judge } = helpFor('a.py');
    expect([isWaited(help.problems.get()), listed()]).toEqual([true, []]);
    await time.step(1_000);
    expect([isWaited(help.problems.get()), listed()]).toEqual([false, ['a.py', 'wrong']]);
    show('b.py');
    await time.step(1_000);
    expect(listed()).toEqual(['b.py', 'wrong']);
    mend();
    await judge();
    expect(listed()).toEqual([]);
    show();
    expect(help.problems.get().size).toBe(0);
    show('/usr/lib/python3/lib.py');
    await time.step(1_000);
    expect(help.problems.get().size).toBe(0);
  });

  it('keeps the list while the server is away, says that it is, and asks until it answers', async () => {
    const { help, time, listed, setAway, mend, judge } = helpFor('a.py');
    await time.step(1_000);
    setAway(true);
    mend();
    await judge();
    expect([isOutdated(help.problems.get()), listed()]).toEqual([true, ['a.py', 'wrong']]);
    setAway(false);
    await time.step(10_000);
    expect([isOutdated(help.problems.get()), listed()]).toEqual([false, []]);
  });

  it('changes a name in every file, and says in which ones other text stands by now', async () => {
    const { disk, rename, said } = helpFor('a.py');
    disk.set('a.py', 'x = 1').set('b.py', 'y = 1').set('c.py', 'x');
    expect(await rename('width')).toEqual({ edits: [] });
    expect([...disk.values()]).toEqual(['width = 1', 'y = 1', 'width']);
    expect(said).toEqual(['“x” is “width” in 2 files, and not in b.py: changed meanwhile, edited elsewhere, or not to be saved.']);
  });

  it('changes no name to what Python does not take, or that others define', async () => {
    const { disk, rename, asked, said } = helpFor('a.py');
    expect(await rename('class')).toMatchObject({ edits: [], rejectReason: expect.stringContaining('no name that Python takes') });
    expect(asked).not.toContain('language.rename a.py');
    expect(await rename('width')).toMatchObject({ edits: [], rejectReason: expect.stringContaining('cannot be changed') });
    expect([disk.size, said]).toEqual([0, []]);
  });

  it('offers names after a full stop, and none after that of a sentence in a comment', async () => {
    const { asked, time, complete } = helpFor('a.py');
    await time.step(1_000);
    await complete('x.'.length + 1);
    expect(asked).toContain('language.complete a.py');
    asked.length = 0;
    expect(await complete('x.  # As it was.'.length + 1)).toEqual({ suggestions: [] });
    expect(asked).toEqual([]);
  });

  it('tells a server that has forgotten the text all of it, and asks again, once', async () => {
    const { time, asked, marked, forget, judge } = helpFor('a.py');
    await time.step(1_000);
    asked.length = 0;
    forget();
    await judge();
    expect(asked).toEqual(['language.diagnose a.py', 'language.sync a.py', 'language.diagnose a.py']);
    expect(marked).toEqual(['wrong', 'wrong']);
    asked.length = 0;
    forget(10);
    await judge();
    expect(asked).toHaveLength(3);
  });
});
