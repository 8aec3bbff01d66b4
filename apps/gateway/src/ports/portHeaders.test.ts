import { expect, test } from 'vitest';
import { cookieValues, redirectTo, toBrowser, toSandbox } from './portHeaders.ts';
import { PortOrigin } from './portOrigin.ts';

const label = '0123456789abcdef'.repeat(2);
const ports = new PortOrigin('http://*.localhost:4801');
const place = { origin: ports.of(label), port: 8888, cookieName: ports.cookieName };

test('a host name of a port is its label below the wildcard host, and nothing that only looks like it', () => {
  expect(ports.labelOf(`${label}.localhost:4801`)).toBe(label);
  expect(ports.labelOf(`${label.toUpperCase()}.LOCALHOST:4801`)).toBe(label);
  for (const host of [
    'localhost:4801',
    `${label}.localhost`,
    `${label}.localhost:4801.evil`,
    `x${label}.localhost:4801`,
    `a.${label}.localhost:4801`,
  ])
    expect(ports.labelOf(host), host).toBeNull();
  expect(ports.owns('anything.localhost:4801')).toBe(true);
  expect(ports.owns('127.0.0.1:4801')).toBe(false);
});

test('over https the cookie is one that no other host can set', () => {
  expect(new PortOrigin('https://*.sandboxes.example').cookieName).toMatch(/^__Host-/);
});

test('the sandbox sees a request to its own localhost, without cookies of the platform and without the way there', () => {
  const raw = [
    ['Host', `${label}.localhost:4801`],
    ['Origin', place.origin],
    ['Referer', `${place.origin}/lab?x=1`],
    ['Cookie', `plumbline-port=secret; _xsrf=1; Plumbline-Session=x; __Host-plumbline-port=y`],
    ['Cookie', 'theirs=2; next-auth.csrf-token=z'],
    ['X-Forwarded-For', '10.0.0.1'],
    ['Forwarded', 'for=10.0.0.1'],
    ['Connection', 'keep-alive, X-Only-Here'],
    ['X-Only-Here', '1'],
    ['Transfer-Encoding', 'chunked'],
    ['Accept', 'text/html'],
  ].flat();
  expect(toSandbox(raw, place)).toEqual(
    [
      ['Host', 'localhost:8888'],
      ['Accept', 'text/html'],
      ['Origin', 'http://localhost:8888'],
      ['Referer', 'http://localhost:8888/lab?x=1'],
      ['Cookie', '_xsrf=1; theirs=2'],
    ].flat(),
  );
  expect(toSandbox(['Host', 'x', 'Referer', 'http://localhost:3000/attempts/1/work'], place)).toEqual(['Host', 'localhost:8888']);
});

test('every cookie of the name counts, since another host may have set one more', () => {
  expect(cookieValues(['Cookie', 'plumbline-port=a; x=1', 'cookie', 'plumbline-port=b'], 'plumbline-port')).toEqual(['a', 'b']);
});

test('a cookie of the sandbox stays on its host name, and never stands in for one of the platform', () => {
  const raw = [
    'sid=1; Domain=localhost; Path=/',
    'a=2; path=/; DOMAIN = .localhost ;HttpOnly',
    'plumbline-session=evil; Path=/',
    '__Host-plumbline-port=evil; Secure; Path=/',
  ].flatMap((cookie) => ['Set-Cookie', cookie]);
  expect(toBrowser(raw, place)).toEqual(['Set-Cookie', 'sid=1; Path=/', 'Set-Cookie', 'a=2; path=/;HttpOnly']);
});

test('an answer cannot clear, move or pin anything beyond its own origin', () => {
  const raw = [
    'Clear-Site-Data',
    '"*"',
    'Strict-Transport-Security',
    'max-age=1',
    'Alt-Svc',
    'h3=":1"',
    'Keep-Alive',
    'timeout=5',
    'X-Own',
    '1',
  ];
  expect(toBrowser(raw, place)).toEqual(['X-Own', '1']);
});

test('a redirect stays on the host name where it means the page’s own port, and leads to no other port of a loopback', () => {
  const follow = (location: string) => ({ kind: 'follow', location });
  expect(redirectTo('/lab', place)).toEqual(follow('/lab'));
  expect(redirectTo('tree?x=1', place)).toEqual(follow('tree?x=1'));
  expect(redirectTo('http://localhost:8888/lab?a#b', place)).toEqual(follow(`${place.origin}/lab?a#b`));
  expect(redirectTo('//127.0.0.1:8888/', place)).toEqual(follow(`${place.origin}/`));
  expect(redirectTo(`${place.origin}/lab`, place)).toEqual(follow(`${place.origin}/lab`));
  expect(redirectTo('https://example.org/', place)).toEqual(follow('https://example.org/'));
  expect(redirectTo('http://localhost:5432/', place)).toEqual({ kind: 'otherPort', port: 5432 });
  expect(redirectTo('http://localhost/', place)).toEqual({ kind: 'otherPort', port: 80 });
  expect(redirectTo(`http://${'f'.repeat(32)}.localhost:4801/`, place)).toEqual({ kind: 'otherPort', port: 4801 });
  expect(redirectTo('javascript:alert(1)', place)).toEqual({ kind: 'refused' });
  expect(redirectTo('http://[', place)).toEqual({ kind: 'refused' });
});
