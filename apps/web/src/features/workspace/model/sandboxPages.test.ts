import { expect, test } from 'vitest';
import { sandboxAddress } from './sandboxPages.ts';

test('a link to the sandbox’s own loopback is a page of the sandbox, with its path and query', () => {
  expect(sandboxAddress('http://localhost:8888/lab?token=abc')).toEqual({ port: 8888, path: '/lab?token=abc' });
  for (const host of ['127.0.0.1', '0.0.0.0', '[::1]', 'LOCALHOST'])
    expect(sandboxAddress(`http://${host}:6006`), host).toEqual({ port: 6006, path: '/' });
});

test('a link that leads elsewhere is none', () => {
  for (const link of ['https://example.org:8888/', 'http://localhost.example.org/', 'http://10.0.0.1:80/', 'ftp://localhost/', 'localhost'])
    expect(sandboxAddress(link), link).toBeNull();
});
