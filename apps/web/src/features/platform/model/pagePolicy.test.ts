import { describe, expect, it } from 'vitest';
import { contentSecurityPolicy, loopbackRedirect } from './pagePolicy.ts';

describe('loopbackRedirect', () => {
  it('sends another name of this machine to the public one', () => {
    expect(loopbackRedirect('127.0.0.1:3000', 'http://localhost:3000')).toBe('http://localhost:3000');
    expect(loopbackRedirect('[::1]:3000', 'http://localhost:3000')).toBe('http://localhost:3000');
  });

  it('leaves the right name, a proxy’s name and real hosts alone', () => {
    expect(loopbackRedirect('localhost:3000', 'http://localhost:3000')).toBeNull();
    expect(loopbackRedirect('127.0.0.1:3000', 'https://plumbline.example.org')).toBeNull();
    expect(loopbackRedirect('plumbline.internal', 'http://localhost:3000')).toBeNull();
    expect(loopbackRedirect(null, 'http://localhost:3000')).toBeNull();
  });
});

describe('contentSecurityPolicy', () => {
  it('runs only scripts with this page’s nonce, and connects only to its own origin', () => {
    const policy = contentSecurityPolicy('abc', 'https://plumbline.example.org', false);
    expect(policy).toContain("script-src 'self' 'nonce-abc' 'strict-dynamic';");
    expect(policy).toContain("connect-src 'self' wss://plumbline.example.org;");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe-eval');
  });
});
