import { AppError } from '@plumbline/core';
import { describe, expect, it } from 'vitest';
import { assertSameOrigin } from './sameOrigin.ts';

const PUBLIC_URL = 'https://plumbline.example.org';

function request(method: string, origin?: string): { method: string; headers: Headers } {
  return { method, headers: new Headers(origin === undefined ? {} : { origin }) };
}

describe('assertSameOrigin', () => {
  it('lets the platform’s own pages change things, and anybody read', () => {
    expect(() => assertSameOrigin(request('POST', PUBLIC_URL), PUBLIC_URL)).not.toThrow();
    expect(() => assertSameOrigin(request('GET'), PUBLIC_URL)).not.toThrow();
    expect(() => assertSameOrigin(request('GET', 'https://elsewhere.example'), PUBLIC_URL)).not.toThrow();
  });

  it('refuses every other origin, a look-alike, another scheme or port, and none at all', () => {
    const wrong = [
      undefined,
      'null',
      'http://plumbline.example.org',
      `${PUBLIC_URL}:8443`,
      `${PUBLIC_URL}.evil.example`,
      'https://evil.example',
    ];
    for (const origin of wrong) {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        expect(() => assertSameOrigin(request(method, origin), PUBLIC_URL)).toThrow(AppError);
      }
    }
  });
});
