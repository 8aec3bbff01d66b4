/**
 * What in a dotfile would work against the recording (refused), and what staff should know of (shown to them, and to who gives it).
 * Line by line and no shell's parser: it keeps honest people from surprises, and does not replace what the sandbox itself holds.
 */

interface Rule {
  pattern: RegExp;
  message: string;
}

/** Files that bash reads when a terminal opens, or that these usually read. */
const BASH_FILE = /^\.(bashrc|bash_profile|bash_login|profile|bash_aliases|bash_logout|bashrc\.d\/.+|bash_completion)$|\.(sh|bash)$/;

const COMMAND = String.raw`(?:^|[;&|({\x60]|\b(?:then|do|else|eval|builtin|command)\s)\s*`;

const AGAINST_RECORDING: readonly Rule[] = [
  {
    // `exec` with nothing but redirections stays in the shell.
    pattern: new RegExp(`${COMMAND}exec\\s+(?![0-9]*[<>&]|\\{[A-Za-z_]+\\}[<>])`),
    message: 'replaces the shell by another program, and the recording would miss your commands. Start it by hand when you need it.',
  },
  {
    pattern: /\b(?:readonly|(?:declare|typeset|local)\s+-[A-Za-z]*r[A-Za-z]*)\s+[^#]*\b(?:PROMPT_COMMAND|PS0)\b/,
    message: 'makes PROMPT_COMMAND or PS0 unchangeable; the recording of commands needs both. Set them as usual instead.',
  },
  { pattern: /\bPLUMBLINE_SHELL|__plumbline/, message: 'touches the platform’s own part of the shell.' },
  {
    pattern: /\bshopt\s+-u\s+[^#;]*\bpromptvars\b/,
    message: 'turns promptvars off, which the recording of commands needs.',
  },
  {
    pattern: /(?:^|[;&|({]\s*|\b(?:function|alias)\s+)(?:builtin|printf|history)\s*(?:\(\)|=)|\bfunction\s+(?:builtin|printf|history)\b/,
    message: 'gives a command of the shell that the recording uses another meaning.',
  },
  {
    pattern: /\benable\s+-n\b/,
    message: 'turns commands of the shell off; the recording uses some of them.',
  },
  { pattern: new RegExp(`${COMMAND}(?:exit|logout)\\b`), message: 'would close each terminal as it opens.' },
];

const WORTH_KNOWING: readonly Rule[] = [
  { pattern: /\b(?:https?|all|ftp|socks)_proxy\b/i, message: 'sends traffic through a proxy.' },
  {
    pattern:
      /\b(?:curl|wget|aria2c|git\s+clone|pip3?\s+(?:install|download)|conda\s+install|npm\s+(?:i|install|ci)|npx|cargo\s+install|go\s+install|apt(?:-get)?\s+install)\b/,
    message: 'downloads something.',
  },
  {
    pattern: /\/dev\/(?:tcp|udp)\/|\b(?:ssh|sshfs|scp|sftp|rsync|ncat|netcat|socat|telnet|autossh|ngrok|cloudflared)\s/,
    message: 'connects to another machine.',
  },
  { pattern: /\b(?:index-url|extra-index-url|find-links|trusted-host|registry)\s*[=:]/, message: 'gets packages from another place.' },
  {
    pattern: /\b(?:copilot|codeium|tabnine|supermaven|avante|aider|claude|chatgpt|openai|anthropic|gemini|ollama|llama\.cpp)\b/i,
    message: 'names an AI tool.',
  },
  {
    pattern: /\b(?:wakatime|activitywatch|telemetry|sentry|posthog|asciinema|script\s+-[a-z])/i,
    message: 'may report what you do to somebody else.',
  },
  { pattern: /\b(?:LD_PRELOAD|LD_LIBRARY_PATH|PYTHONPATH|PYTHONSTARTUP|PYTHONHOME)\b/, message: 'changes what programs load.' },
  { pattern: /\b(?:crontab|nohup|disown|setsid|systemctl|at\s+now)\b/, message: 'starts something in the background.' },
  { pattern: /(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]+[^:]?$/, message: 'names an e-mail address, which readers of the recording will see.' },
  { pattern: /[A-Za-z0-9+/]{400,}/, message: 'has a long stretch of encoded text.' },
];

const PROGRAM_CODE = /\.(?:py|ipynb|pyx|cu|cuh|c|cc|cpp|h|hpp|rs|go|js|ts|jl|java|r)$/i;

function isComment(path: string, line: string): boolean {
  const start = line.trimStart();
  if (start.startsWith('#')) return true;
  return /vim/i.test(path) && start.startsWith('"');
}

function findIn(path: string, text: string, rules: readonly Rule[]): { line: number; message: string }[] {
  return text
    .split('\n')
    .flatMap((line, i) =>
      isComment(path, line) ? [] : rules.filter(({ pattern }) => pattern.test(line)).map(({ message }) => ({ line: i + 1, message })),
    );
}

/** What of this file is refused because commands would not be recorded, as ends of sentences. */
export function findAgainstRecording({ path, text }: { path: string; text: string }): { line: number; message: string }[] {
  return BASH_FILE.test(path) ? findIn(path, joinContinued(text), AGAINST_RECORDING) : [];
}

/** What staff should know of this file. */
export function findWorthKnowing({ path, text }: { path: string; text: string }): { line: number | null; message: string }[] {
  const code = PROGRAM_CODE.test(path) ? [{ line: null, message: 'is a file of program code.' }] : [];
  return [...code, ...findIn(path, joinContinued(text), WORTH_KNOWING)];
}

/** The length of the longest line, as the scan reads it. */
export function longestLine(text: string): number {
  return joinContinued(text)
    .split('\n')
    .reduce((longest, line) => Math.max(longest, line.length), 0);
}

/** A command may go on behind a backslash at the end of a line; it counts as where it begins. Lines keep their numbers. */
function joinContinued(text: string): string {
  const lines = text.split('\n');
  for (let i = lines.length - 1; i > 0; i -= 1) {
    const before = lines[i - 1] ?? '';
    if (!/(?:^|[^\\])(?:\\\\)*\\$/.test(before)) continue;
    lines[i - 1] = `${before.slice(0, -1)}${lines[i] ?? ''}`;
    lines[i] = '';
  }
  return lines.join('\n');
}
