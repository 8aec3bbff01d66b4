import { dotfilePathProblem } from './dotfilePath.ts';
import { DOTFILE_MAX_BYTES, DOTFILES_MAX, DOTFILES_MAX_BYTES, type Dotfile, type SetupFinding, textBytes } from './setup.ts';
import { findAgainstRecording, findWorthKnowing, longestLine } from './shellScan.ts';

/** Beginnings of programs and archives that can be read as text, at least in part. */
const PROGRAM_BEGINNINGS = ['\u007fELF', '!<arch>', 'PK\u0003\u0004'];
/** What people write by hand has shorter ones; the scan's patterns may take the square of a line's length. */
const LINE_MAX_CHARACTERS = 4_000;
/** Of one file so many findings are told; the first ones say enough. */
const FINDINGS_TOLD = 20;

const asKib = (bytes: number): string => `${Math.max(0.1, Math.round((bytes / 1024) * 10) / 10)} KiB`;

/**
 * Why these files cannot be taken: paths, sizes, what is no text, what would work against the recording. Empty where they can.
 * Secrets are looked for elsewhere, by a library.
 */
export function findDotfileProblems(files: readonly Dotfile[]): SetupFinding[] {
  const problems: SetupFinding[] = [];
  if (files.length > DOTFILES_MAX) {
    problems.push({ path: '', line: null, message: `These are ${files.length} files; at most ${DOTFILES_MAX} can be brought along.` });
  }
  const total = files.reduce((sum, { text }) => sum + textBytes(text), 0);
  if (total > DOTFILES_MAX_BYTES) {
    const message = `Together these files have ${asKib(total)}; at most ${asKib(DOTFILES_MAX_BYTES)} can be brought along. Leave some out.`;
    problems.push({ path: '', line: null, message });
  }
  const paths = files.map(({ path }) => path.toLowerCase());
  for (const file of files) {
    const { path, text } = file;
    const found: { line: number | null; message: string }[] = [];
    const wrongPath = dotfilePathProblem(path);
    if (wrongPath !== null) found.push({ line: null, message: wrongPath });
    const own = path.toLowerCase();
    if (paths.filter((other) => other === own).length > 1) found.push({ line: null, message: 'is there twice.' });
    if (paths.some((other) => other.startsWith(`${own}/`))) found.push({ line: null, message: 'is a file here and a folder of another.' });
    const bytes = textBytes(text);
    if (bytes > DOTFILE_MAX_BYTES) {
      found.push({ line: null, message: `has ${asKib(bytes)}; one file can have at most ${asKib(DOTFILE_MAX_BYTES)}.` });
    } else if (PROGRAM_BEGINNINGS.some((beginning) => text.startsWith(beginning))) {
      found.push({ line: null, message: 'is a program or an archive. Only text can be brought along.' });
    } else if (text.includes('\0') || text.includes('\ufffd') || /\p{Cs}/u.test(text)) {
      found.push({ line: null, message: 'is not text in UTF-8. Only text can be brought along.' });
    } else if (longestLine(text) > LINE_MAX_CHARACTERS) {
      found.push({ line: null, message: `has a line of more than ${LINE_MAX_CHARACTERS} characters. Break it up, or leave the file out.` });
    } else {
      found.push(...findAgainstRecording(file));
    }
    problems.push(...found.slice(0, FINDINGS_TOLD).map((finding) => ({ path, ...finding })));
  }
  return problems;
}

/** What staff should know of these files. None of it is refused. */
export function findDotfileNotices(files: readonly Dotfile[]): SetupFinding[] {
  return files.flatMap((file) =>
    findWorthKnowing(file)
      .slice(0, FINDINGS_TOLD)
      .map((finding) => ({ path: file.path, ...finding })),
  );
}
