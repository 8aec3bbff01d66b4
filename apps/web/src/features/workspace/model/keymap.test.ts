import { describe, expect, it } from 'vitest';
import { runExCommand, type VimActs } from './keymap.ts';
import { loadingFile } from './openFile.ts';

/** Two open files, of which the first is in front and unsaved; what Vim's commands do to them. */
function desk({ saves = true } = {}) {
  const done: string[] = [];
  const files = [
    { ...loadingFile('a.py'), dirty: true },
    { ...loadingFile('b.py'), dirty: false },
  ];
  const acts: VimActs = {
    files: (all) => (all ? files : files.slice(0, 1)),
    save: async ({ path }, overwrite) => {
      done.push(`${overwrite ? 'overwrite' : 'save'} ${path}`);
      return saves;
    },
    close: ({ path, dirty }, discard) => done.push(`${dirty && !discard ? 'ask about' : 'close'} ${path}`),
    say: () => done.push('say'),
  };
  const run = async (line: string) => {
    const [, name = '', argument = ''] = /^:(\w+)(.*)$/.exec(line) ?? [];
    await runExCommand(name, acts, argument);
    return done.splice(0);
  };
  return { run, files };
}

describe('the commands of Vim', () => {
  it.each([
    [':w', ['save a.py']],
    [':w!', ['overwrite a.py']],
    [':q', ['ask about a.py']],
    [':q!', ['close a.py']],
    [':wq', ['save a.py', 'close a.py']],
    [':x', ['save a.py', 'close a.py']],
    [':wa', ['save a.py']],
    [':qa', ['ask about a.py', 'close b.py']],
    [':qa!', ['close a.py', 'close b.py']],
    [':wqa', ['save a.py', 'close a.py', 'close b.py']],
    [':xa', ['save a.py', 'close a.py', 'close b.py']],
  ])('%s does what it does in Vim', async (line, does) => {
    expect(await desk().run(line)).toEqual(does);
  });

  it('keep a file open that could not be saved', async () => {
    expect(await desk({ saves: false }).run(':wq')).toEqual(['save a.py']);
  });

  it('write nothing under another name, and say so', async () => {
    expect(await desk().run(':w other.py')).toEqual(['say']);
  });

  it('write an unchanged file for :w and :wq, and not for :x', async () => {
    const { run, files } = desk();
    for (const file of files) file.dirty = false;
    expect(await run(':wq')).toEqual(['save a.py', 'close a.py']);
    expect(await run(':x')).toEqual(['close a.py']);
  });
});
