import { stripVTControlCharacters } from 'node:util';
import { BUILD_LOG_LINE_CHARACTERS } from '@plumbline/protocol';
import { ANSWER_MARK } from '@plumbline/taskstandard';

/** What may be told of what a build prints: other people's programs print it, into terminals and pages, and may know secrets. */

/** A shorter value stands in ordinary text by chance. */
const SECRET_MIN_CHARACTERS = 6;
const HIDDEN = '[secret]';
const CUT = '…';

/** Of these values, what is to be hidden in a text, line by line, longest first: one may hold another. */
export function hidden(values: readonly string[]): string[] {
  const parts = values.flatMap((value) => [value, ...value.split('\n')]).map((part) => part.trim());
  return [...new Set(parts)].filter((part) => part.length >= SECRET_MIN_CHARACTERS).sort((a, b) => b.length - a.length);
}

/** Passwords in addresses, such as those of proxies and package indexes. */
export function passwordsIn(variables: Readonly<Record<string, string | undefined>>): string[] {
  return Object.values(variables).flatMap((value = '') =>
    [...value.matchAll(/:\/\/[^/\s:@]*:([^/\s@]+)@/g)].map(([, password = '']) => password),
  );
}

/** @param secrets as `hidden` gives them. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text);
}

/** A line without what a terminal obeys, or what turns the text around it. */
export function plainLine(line: string): string {
  return (
    stripVTControlCharacters(line)
      .replaceAll('\t', '  ')
      // Controls, format characters such as those for right-to-left text, halves of surrogate pairs.
      .replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, '')
  );
}

/** A line as a log holds it: plain, with an end, and without secrets, which are given as `hidden` gives them. */
export function logLine(line: string, secrets: readonly string[] = []): string {
  const shown = withoutSecrets(plainLine(line), secrets).trimEnd();
  return shown.length <= BUILD_LOG_LINE_CHARACTERS ? shown : `${shown.slice(0, BUILD_LOG_LINE_CHARACTERS - CUT.length)}${CUT}`;
}

/** Leaves out what a family's process answers to the platform: a line on standard output that begins with the mark, and the one after it. */
export function withoutAnswers(onLine: (line: string) => void): (line: string, stream: 'stdout' | 'stderr') => void {
  let isAnswer = false;
  return (line, stream) => {
    if (stream === 'stderr') return onLine(line);
    const isPlatforms = isAnswer || line.startsWith(ANSWER_MARK);
    isAnswer = !isAnswer && isPlatforms;
    if (!isPlatforms) onLine(line);
  };
}

/** Why a step failed, line by line: the error's own words, and the end of what its cause says. */
export function failureLines({ message, cause }: Error, secretValues: readonly string[], maxCauseLines: number): string[] {
  const said = cause instanceof Error ? cause.message.trim().split('\n').slice(-maxCauseLines) : [];
  const secrets = hidden(secretValues);
  return [...message.split('\n'), ...said].map((line) => logLine(line, secrets)).filter((line) => line !== '');
}
