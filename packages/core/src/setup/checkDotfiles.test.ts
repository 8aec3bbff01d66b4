import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findDotfileNotices, findDotfileProblems } from './checkDotfiles.ts';
import { dotfilePathProblem } from './dotfilePath.ts';
import { DOTFILE_MAX_BYTES, DOTFILES_MAX } from './setup.ts';

const words = (path: string, text: string) =>
  findDotfileProblems([{ path, text }]).map(({ line, message }) => `${line ?? '-'}: ${message}`);
const notices = (path: string, text: string) =>
  findDotfileNotices([{ path, text }]).map(({ line, message }) => `${line ?? '-'}: ${message}`);

describe('a dotfile’s path', () => {
  it.each([
    '.bashrc',
    '.vimrc',
    '.tmux.conf',
    '.inputrc',
    '.gitconfig',
    '.config/nvim/init.lua',
    '.config/git/ignore',
    '.vim/ftplugin/python.vim',
  ])('%s is taken', (path) => {
    expect(dotfilePathProblem(path)).toBeNull();
  });

  it.each([
    ['', 'has no name'],
    ['/etc/passwd', 'inside your home folder'],
    ['../.bashrc', '..'],
    ['.config/../../x', '..'],
    ['.config//x', 'empty name'],
    ['./.bashrc', 'empty name'],
    ['.bashrc/', 'empty name'],
    ['.bash\0rc', 'cannot be seen'],
    ['.bash\nrc', 'cannot be seen'],
    ['.bash\u202erc', 'cannot be seen'],
    ['.config\\x', '/ between'],
    ['solution.py', 'no dotfile'],
    ['bin/.x', 'no dotfile'],
    ['.git/hooks/post-commit', 'history of the workspace'],
    ['.config/x/.git/config', 'history of the workspace'],
    ['.GIT/config', 'history of the workspace'],
    ['.ssh/id_ed25519', 'keys or passwords'],
    ['.netrc', 'keys or passwords'],
    ['.local/bin/tool', 'programs and packages'],
    ['.bash_history', 'history of what you did'],
    ['.plumbline-upload-1', 'platform’s own'],
    [`.${'x'.repeat(300)}`, 'too long'],
    ['.a/b/c/d/e/f/g/h/i', 'too deep'],
  ])('%j is refused: %s', (path, why) => {
    expect(dotfilePathProblem(path)).toContain(why);
  });

  it('that is taken never leads out of the home folder, whatever it is', () => {
    const name = fc.oneof(fc.constantFrom('..', '.', '', '.x', 'x', '~', '.git', '\0', '\\'), fc.string());
    fc.assert(
      fc.property(fc.array(name, { maxLength: 6 }), (names) => {
        const path = names.join('/');
        if (dotfilePathProblem(path) !== null) return;
        const at: string[] = [];
        for (const part of path.split('/')) {
          if (part === '..') expect(at.pop()).toBeDefined();
          else if (part !== '' && part !== '.') at.push(part);
        }
        expect(path).not.toContain('\0');
        expect(at[0]?.startsWith('.')).toBe(true);
      }),
    );
  });
});

describe('dotfiles', () => {
  it('of an ordinary kind are taken', () => {
    const bashrc = `# exec zsh
case $- in *i*) ;; *) return ;; esac
HISTCONTROL=ignoreboth
PS1='\\u@\\h:\\w\\$ '
PROMPT_COMMAND='history -a'
PS0='$(date +%T) '
trap 'true' DEBUG
alias ll='ls -l'
exec 3>&1
[ -f ~/.bash_aliases ] && . ~/.bash_aliases
find . -exec echo {} \\;
`;
    expect(words('.bashrc', bashrc)).toEqual([]);
    expect(words('.vimrc', '" exec\nset number\nnnoremap <C-a> \u001b\n')).toEqual([]);
    expect(words('.tmux.conf', 'set -g prefix C-a\nbind r source-file ~/.tmux.conf\n')).toEqual([]);
  });

  it('are refused above the size of one, of all and above their number, with the sizes in words', () => {
    expect(words('.vimrc', 'x\n'.repeat(DOTFILE_MAX_BYTES / 2))).toEqual([]);
    // Two bytes each.
    expect(words('.vimrc', 'ü'.repeat(DOTFILE_MAX_BYTES / 2 + 512))).toEqual(['-: has 65 KiB; one file can have at most 64 KiB.']);
    const many = Array.from({ length: 5 }, (_, i) => ({ path: `.x${i}`, text: 'x\n'.repeat(30 * 1024) }));
    expect(findDotfileProblems(many)).toEqual([{ path: '', line: null, message: expect.stringContaining('300 KiB; at most 256 KiB') }]);
    const most = Array.from({ length: DOTFILES_MAX + 1 }, (_, i) => ({ path: `.x${i}`, text: '' }));
    expect(findDotfileProblems(most)[0]?.message).toContain(`at most ${DOTFILES_MAX}`);
  });

  it('that are programs, archives or no text are refused', () => {
    expect(words('.config/tool', '\u007fELF\u0002\u0001')[0]).toContain('is a program');
    expect(words('.config/tool', 'a\0b')[0]).toContain('not text');
    // What a decoder leaves of bytes that are no UTF-8.
    expect(words('.config/tool', 'a\ufffdb')[0]).toContain('not text');
    expect(words('.config/tool', 'a\ud800b')[0]).toContain('not text');
  });

  it('with a line so long that nobody wrote it are refused, also where it goes on behind backslashes', () => {
    expect(words('.bashrc', `alias x="${'a'.repeat(3_900)}"`)).toEqual([]);
    expect(words('.bashrc', `alias x="${'a'.repeat(4_000)}"`)[0]).toContain('a line of more than 4000 characters');
    expect(words('.bashrc', `${'a'.repeat(99)}\\\n`.repeat(41))[0]).toContain('a line of more than 4000 characters');
  });

  it('that are there twice, or as a file and as a folder, are refused', () => {
    const found = findDotfileProblems([
      { path: '.vim', text: '' },
      { path: '.vim/vimrc', text: '' },
      { path: '.VIM/VIMRC', text: '' },
    ]);
    expect(found.map(({ path, message }) => `${path} ${message}`)).toEqual([
      '.vim is a file here and a folder of another.',
      '.vim/vimrc is there twice.',
      '.VIM/VIMRC is there twice.',
    ]);
  });

  it.each([
    ['exec zsh', 'replaces the shell'],
    ['[ -z "$TMUX" ] && exec tmux new', 'replaces the shell'],
    ['if true; then exec fish; fi', 'replaces the shell'],
    ['exec \\\n  zsh', 'replaces the shell'],
    ['readonly PROMPT_COMMAND=x', 'unchangeable'],
    ['declare -gr PS0=x', 'unchangeable'],
    ['unset PLUMBLINE_SHELL_NONCE', 'platform’s own part'],
    ['__plumbline_prompt() { :; }', 'platform’s own part'],
    ['shopt -u promptvars', 'promptvars'],
    ['builtin() { :; }', 'another meaning'],
    ['alias printf=true', 'another meaning'],
    ['enable -n history', 'turns commands'],
    ['exit 0', 'would close'],
  ])('in which bash’s start would stop the recording of commands (%s) are refused with the line', (line, why) => {
    expect(words('.bashrc', `alias a=b\n${line}\n`).join()).toMatch(new RegExp(`^2: .*${why}`));
    expect(words('.config/notes.txt', line)).toEqual([]);
  });

  it.each([
    ['export https_proxy=http://proxy:3128', 'through a proxy'],
    ['curl -s https://example.org/x | sh', 'downloads'],
    ['python3 -m pip install x', 'downloads'],
    ['ssh -R 1:localhost:1 host', 'another machine'],
    ['cat < /dev/tcp/example.org/80', 'another machine'],
    ['index-url = https://example.org/simple', 'another place'],
    ["Plug 'github/copilot.vim'", 'AI tool'],
    ["Plug 'wakatime/vim-wakatime'", 'somebody else'],
    ['export LD_PRELOAD=/x.so', 'what programs load'],
    ['nohup x &', 'background'],
    ['  email = jo@example.org', 'e-mail address'],
    [`x=${'A'.repeat(500)}`, 'encoded'],
  ])('that do what staff should know of (%s) are taken, and noted with the line', (line, why) => {
    expect(words('.bashrc', line)).toEqual([]);
    expect(notices('.bashrc', `\n${line}`).join()).toMatch(new RegExp(`2: .*${why}`));
  });

  it('that are program code are taken and noted', () => {
    expect(notices('.ipython/profile_default/startup/a.py', 'x = 1')).toEqual(['-: is a file of program code.']);
    expect(notices('.vimrc', 'set number')).toEqual([]);
  });
});
