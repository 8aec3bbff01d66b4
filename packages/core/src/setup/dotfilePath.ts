/** Which paths a dotfile may have. */

const PATH_MAX_CHARACTERS = 200;
const NAME_MAX_BYTES = 200;
const DEPTH_MAX = 8;

const CREDENTIALS = 'holds keys or passwords. Nothing in a sandbox needs yours';
const HISTORY = 'is a history of what you did elsewhere';
const PROGRAMS = 'holds programs and packages. Install what you need while the clock runs';
const OURS = 'is the platform’s own';

/** Paths that are refused with everything below them, and what they are. */
const REFUSED: Record<string, string> = {
  '.aws': CREDENTIALS,
  '.azure': CREDENTIALS,
  '.config/gcloud': CREDENTIALS,
  '.config/gh': CREDENTIALS,
  '.config/hub': CREDENTIALS,
  '.config/rclone': CREDENTIALS,
  '.docker': CREDENTIALS,
  '.git-credentials': CREDENTIALS,
  '.gnupg': CREDENTIALS,
  '.huggingface': CREDENTIALS,
  '.kaggle': CREDENTIALS,
  '.kube': CREDENTIALS,
  '.my.cnf': CREDENTIALS,
  '.netrc': CREDENTIALS,
  '.pgpass': CREDENTIALS,
  '.pypirc': CREDENTIALS,
  '.ssh': CREDENTIALS,
  '.bash_history': HISTORY,
  '.lesshst': HISTORY,
  '.node_repl_history': HISTORY,
  '.python_history': HISTORY,
  '.viminfo': HISTORY,
  '.zsh_history': HISTORY,
  '.cache': PROGRAMS,
  '.cargo': PROGRAMS,
  '.conda': PROGRAMS,
  '.local': PROGRAMS,
  '.npm': PROGRAMS,
  '.nvm': PROGRAMS,
  '.pyenv': PROGRAMS,
  '.rustup': PROGRAMS,
  '.venv': PROGRAMS,
};

/** What is wrong with a path, as an end of the sentence "PATH …"; null for a path that may be used. */
export function dotfilePathProblem(path: string): string | null {
  if (path === '') return 'has no name.';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/.test(path) || /\p{Cs}/u.test(path)) {
    return 'has a character in its name that cannot be seen. Rename it.';
  }
  if (path.startsWith('/')) return 'must be a path inside your home folder, such as .vimrc.';
  if (path.includes('\\')) return 'must have / between its folders.';
  if (path.length > PATH_MAX_CHARACTERS) return `is too long a path: at most ${PATH_MAX_CHARACTERS} characters.`;
  const names = path.split('/');
  if (names.some((name) => name === '' || name === '.')) return 'has an empty name in its path.';
  if (names.includes('..')) return 'may not contain `..`.';
  if (names.length > DEPTH_MAX) return `lies too deep: at most ${DEPTH_MAX} names.`;
  if (names.some((name) => new TextEncoder().encode(name).length > NAME_MAX_BYTES)) return 'has too long a name.';
  const [first = ''] = names;
  if (!first.startsWith('.')) return 'is no dotfile: its first name must begin with a dot. Work for the task is not brought along.';
  // A disk of another system would take other cases for the same.
  const lower = path.toLowerCase();
  if (lower.split('/').includes('.git')) return 'would lie in the history of the workspace.';
  if (first.toLowerCase().startsWith('.plumbline')) return `${OURS}.`;
  for (const [refused, why] of Object.entries(REFUSED)) {
    if (lower === refused || lower.startsWith(`${refused}/`)) return `${why}.`;
  }
  return null;
}
