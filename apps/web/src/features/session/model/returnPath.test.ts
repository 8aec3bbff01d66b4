import { describe, expect, it } from 'vitest';
import { returnPath } from './returnPath.ts';

describe('returnPath', () => {
  it('goes back to a path of this site', () => {
    expect(returnPath('/attempts/1/replay?t=5')).toBe('/attempts/1/replay?t=5');
  });

  it('never leads to another site, to the sign-in itself or to a download', () => {
    for (const from of [
      undefined,
      '',
      'https://example.org',
      '//example.org',
      '/\\example.org',
      '/sign-in?from=/',
      '/setup',
      '/api/health',
    ]) {
      expect(returnPath(from)).toBe('/');
    }
  });
});
