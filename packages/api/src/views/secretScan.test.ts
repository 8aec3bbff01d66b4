import { describe, expect, it } from 'vitest';
import { findSecrets } from './secretScan.ts';

const found = async (text: string, path = '.bashrc') =>
  (await findSecrets([{ path, text }])).map(({ line, message }) => `${line}: ${message}`);

// Put together here, so that no scanner takes this file for a leak.
const key = [
  '-----BEGIN OPENSSH PRIV',
  'ATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMw\n-----END OPENSSH PRIV',
  'ATE KEY-----',
].join('');

describe('a secret', () => {
  it.each([
    [key, 'a private key'],
    [`-----BEGIN RSA PRIV${'ATE KEY-----'}`, 'a private key'],
    [`aws_access_key_id = AKIA${'IOSFODNN7ABCDEFG'}`, 'AWS'],
    [`export GITHUB_TOKEN=ghp_${'wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx'}`, 'GitHub'],
    [`hf_${'abcdefghijklmnopqrstuvwxyzABCDEFGH'}`, 'Hugging Face'],
    [`export OPENAI_API_KEY="sk-proj-${'abcdefghijklmnopqrstuvwx'}"`, 'a key of'],
    [`sk-ant-api03-${'a'.repeat(93)}AA`, 'key of'],
    [`[url "https://user:${'passw0rd9'}@example.com/"]`, 'a password in an address'],
    [`export WANDB_API_KEY=${'0123456789abcdef'.repeat(2)}01234567`, 'password or token'],
    [`machine_password: ${'hunter2hunter2'}`, 'password or token'],
    [`header = "Authorization: Bearer ${'abcdefgh12345678'}"`, 'credential of a web service'],
    [`eyJ${'hbGciOiJIUzI1NiJ9'}.eyJ${'zdWIiOiIxMjM0In0'}.${'abcdefghijklmnop'}`, 'a signed token'],
  ])('is found and named with its line, and not repeated (%#)', async (text, what) => {
    const told = await found(`# a comment\n${text}`);
    expect(told.join()).toMatch(new RegExp(`^2: .*${what}`));
    expect(told.join()).not.toContain(text.slice(-12));
  });

  it('is found behind a comment that tells the scanner to look away', async () => {
    const text = `# secretlint-disable\nsee ghp_${'wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx'}`;
    expect(await found(text)).toHaveLength(1);
  });

  it.each([
    'export TOKEN=$(pass show token)',
    'export API_KEY=$OTHER',
    'password = <your password>',
    'credential.helper = store',
    'set keymap vi',
    'let g:token = 1',
    'PS1="\\u@\\h:\\w\\$ "',
    'export EDITOR=vim',
    '# tokens: see the manual',
    '[user]\n\tname = Jo\n\temail = jo@example.org',
    'alias gs="git status"',
  ])('is not seen where there is none: %s', async (text) => {
    expect(await found(text)).toEqual([]);
  });
});
