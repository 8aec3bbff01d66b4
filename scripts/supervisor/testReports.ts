/** What the stages of `npm test` wrote, as numbers that can be added. */
import { stripVTControlCharacters } from 'node:util';
import type { CheckOutcome } from '../check.ts';

export interface Counts {
  passed: number;
  failed: number;
  /** What failed, by name, and the first line of why. */
  failures: string[];
}

/** As much as a log's last lines have room for; the whole is above them. */
const REASON_CHARS = 800;
/** Of one line: a long value must not hide what is said after it. */
const REASON_LINE_CHARS = 200;

/** `name`, with what was thrown on one line: what it says, not from where it came. */
function withReason(name: string, thrown = ''): string {
  const lines = stripVTControlCharacters(thrown)
    .split('\n')
    .map((line) => line.trim());
  const traceFrom = lines.findIndex((line) => line.startsWith('at '));
  const said = lines.slice(0, traceFrom < 0 ? undefined : traceFrom).filter((line) => line !== '');
  const shortened = said.map((line) => (line.length > REASON_LINE_CHARS ? `${line.slice(0, REASON_LINE_CHARS)}…` : line));
  const reason = shortened.join(' · ').slice(0, REASON_CHARS);
  return reason ? `${name}: ${reason}` : name;
}

export function countChecks(report: unknown): Counts {
  const outcomes = report as CheckOutcome[];
  const failures = outcomes.filter((outcome) => !outcome.passed).map((outcome) => outcome.name);
  return { passed: outcomes.length - failures.length, failed: failures.length, failures };
}

interface VitestReport {
  testResults: {
    name: string;
    status: string;
    message?: string;
    assertionResults: { status: string; fullName: string; failureMessages?: string[] }[];
  }[];
}

/** A file that fails before its first test, at an import or in a hook, is one failure. */
export function countVitest(report: unknown): Counts {
  const counts: Counts = { passed: 0, failed: 0, failures: [] };
  for (const file of (report as VitestReport).testResults) {
    const failed = file.assertionResults.filter((test) => test.status === 'failed');
    counts.passed += file.assertionResults.filter((test) => test.status === 'passed').length;
    counts.failures.push(...failed.map((test) => withReason(`${file.name}: ${test.fullName}`, test.failureMessages?.[0])));
    if (file.status === 'failed' && failed.length === 0) counts.failures.push(withReason(`${file.name}: the file itself`, file.message));
  }
  return { ...counts, failed: counts.failures.length };
}

interface PlaywrightSuite {
  title: string;
  specs?: { title: string; tests: { status: string; results?: { error?: { message?: string } }[] }[] }[];
  suites?: PlaywrightSuite[];
}

/** A test that passed at a second try counts as passed: Playwright calls it flaky and its report keeps the first try. */
export function countPlaywright(report: unknown): Counts {
  const { suites, errors } = report as { suites: PlaywrightSuite[]; errors: { message?: string }[] };
  const counts: Counts = {
    passed: 0,
    failed: 0,
    failures: errors.map((error) => error.message?.split('\n')[0] ?? 'an error outside tests'),
  };
  const visit = (suite: PlaywrightSuite) => {
    for (const spec of suite.specs ?? []) {
      for (const test of spec.tests) {
        if (test.status === 'expected' || test.status === 'flaky') counts.passed += 1;
        if (test.status === 'unexpected')
          counts.failures.push(withReason(`${suite.title}: ${spec.title}`, test.results?.at(-1)?.error?.message));
      }
    }
    for (const inner of suite.suites ?? []) visit(inner);
  };
  for (const suite of suites) visit(suite);
  return { ...counts, failed: counts.failures.length };
}
