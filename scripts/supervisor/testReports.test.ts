import { expect, test } from 'vitest';
import { countChecks, countPlaywright, countVitest } from './testReports.ts';

test('a test file that cannot be loaded is a failure', () => {
  const report = { testResults: [{ name: 'a.test.ts', status: 'failed', assertionResults: [] }] };
  expect(countVitest(report)).toEqual({ passed: 0, failed: 1, failures: ['a.test.ts: the file itself'] });
});

test('skipped tests are neither passed nor failed', () => {
  const assertionResults = ['passed', 'failed', 'pending'].map((status) => ({ status, fullName: status }));
  expect(countVitest({ testResults: [{ name: 'a', status: 'failed', assertionResults }] })).toMatchObject({ passed: 1, failed: 1 });
});

test('a journey counts by its last outcome, and an error outside tests counts', () => {
  const specs = ['expected', 'unexpected', 'flaky', 'skipped'].map((status) => ({ title: status, tests: [{ status }] }));
  const report = { suites: [{ title: 'outer', suites: [{ title: 'inner', specs }] }], errors: [{ message: 'no browser\nat x' }] };
  expect(countPlaywright(report)).toEqual({ passed: 2, failed: 2, failures: ['no browser', 'inner: unexpected'] });
});

test('each check is one', () => {
  const outcomes = [
    { name: 'types', passed: true, seconds: 1 },
    { name: 'boundaries', passed: false, seconds: 1 },
  ];
  expect(countChecks(outcomes)).toEqual({ passed: 1, failed: 1, failures: ['boundaries'] });
});

test('what failed is named with why on one line, without colours and without the way there', () => {
  const failureMessages = ['\u001b[31mAssertionError\u001b[39m: two disks are left\n    at held'];
  const assertionResults = [{ status: 'failed', fullName: 'leaves nothing behind', failureMessages }];
  expect(countVitest({ testResults: [{ name: 'life.test.ts', status: 'failed', assertionResults }] }).failures).toEqual([
    'life.test.ts: leaves nothing behind: AssertionError: two disks are left',
  ]);
  const specs = [
    {
      title: 'signs in',
      tests: [{ status: 'unexpected', results: [{ error: { message: 'Error: no page\n\nExpected: < 1\n  Received: 2\n    at x.ts' } }] }],
    },
  ];
  expect(countPlaywright({ suites: [{ title: 'accounts', specs }], errors: [] }).failures).toEqual([
    'accounts: signs in: Error: no page · Expected: < 1 · Received: 2',
  ]);
});

test('a value of many characters does not hide what is said after it', () => {
  const message = `Error: ${'x'.repeat(5_000)}\n\nExpected: []\nReceived: ["two seconds too much"]`;
  const specs = [{ title: 'gives time back', tests: [{ status: 'unexpected', results: [{ error: { message } }] }] }];
  const [failure] = countPlaywright({ suites: [{ title: 'chaos', specs }], errors: [] }).failures;
  expect(failure).toMatch(/^chaos: gives time back: Error: x+… · Expected: \[\] · Received: \["two seconds too much"\]$/);
});
