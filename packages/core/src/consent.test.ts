import { describe, expect, test } from 'vitest';
import { agreementHold, assertAnswerable, CONSENTS, type Consent, type Consents, gatedReleaseRefusal, NEEDED_CONSENTS } from './consent.ts';

const without = (...refused: Consent[]): Consents =>
  Object.fromEntries(CONSENTS.map((consent) => [consent, !refused.includes(consent)])) as Consents;
const free = CONSENTS.filter((consent) => !NEEDED_CONSENTS.includes(consent));

describe('an attempt begins', () => {
  test('without any answer where the study has no agreement', () => {
    expect(agreementHold(null, null)).toBeNull();
  });

  test('only once the newest version is answered, with everything that it needs', () => {
    expect(agreementHold('v1', null)).toBe('unanswered');
    expect(agreementHold('v2', { versionId: 'v1', consents: without() })).toBe('outdated');
    for (const needed of NEEDED_CONSENTS) expect(agreementHold('v1', { versionId: 'v1', consents: without(needed) })).toBe('refused');
    expect(agreementHold('v1', { versionId: 'v1', consents: without() })).toBeNull();
  });

  test('whatever is refused of what is free', () => {
    expect(agreementHold('v1', { versionId: 'v1', consents: without(...free) })).toBeNull();
  });
});

describe('answers', () => {
  const at = (hasStarted: boolean, nowMs: number) => ({ hasStarted, nowMs, withdrawUntilMs: 1_000, contact: 'ana@example.org' });

  test('may be anything before the clock starts, after the day too', () => {
    assertAnswerable(without('recording', ...free), at(false, 2_000));
  });

  test('may change what is free until the day, and not from then on', () => {
    assertAnswerable(without(...free), at(true, 999));
    expect(() => assertAnswerable(without(...free), at(true, 1_000))).toThrowError(expect.objectContaining({ code: 'conflict' }));
  });

  test('do not take back what the attempt was done under, and say whom to write to', () => {
    for (const needed of NEEDED_CONSENTS)
      expect(() => assertAnswerable(without(needed), at(true, 0))).toThrowError(
        expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining('ana@example.org') }),
      );
  });
});

describe('a release behind terms', () => {
  test('takes an attempt by its own consent and by no other', () => {
    expect(
      gatedReleaseRefusal({ hasAgreement: true, consents: without(...free.filter((consent) => consent !== 'gatedRelease')) }),
    ).toBeNull();
    expect(gatedReleaseRefusal({ hasAgreement: true, consents: without('gatedRelease') })).toBe('refused');
  });

  test('leaves out whoever was never asked, but for studies without an agreement', () => {
    expect(gatedReleaseRefusal({ hasAgreement: true, consents: null })).toBe('unanswered');
    expect(gatedReleaseRefusal({ hasAgreement: false, consents: null })).toBeNull();
  });
});
