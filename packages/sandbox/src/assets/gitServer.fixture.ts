import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { hostEnvironment } from '../host/hostEnvironment.ts';

/** For tests: a git repository, and git's own program that serves it over HTTP. */

export interface Repository {
  dir: string;
  /** Writes files, makes a commit of them and answers its hash. */
  commit(files: Record<string, string>): string;
  /** Puts another file's bytes in the place of one, under its old hash. */
  forge(revision: string, file: string, other: string): void;
}

export function makeRepository(dir: string): Repository {
  const env = {
    ...hostEnvironment(),
    ...{ GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
    ...{ GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@example.org', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@example.org' },
  };
  const git = (...args: string[]) => execFileSync('git', ['-C', dir, ...args], { env, encoding: 'utf8' }).trim();
  mkdirSync(dir, { recursive: true });
  git('init', '--quiet', '--initial-branch=main');
  git('config', 'uploadpack.allowFilter', 'true');
  const objectPath = (hash: string) => join(dir, '.git/objects', hash.slice(0, 2), hash.slice(2));
  return {
    dir,
    commit(files) {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(dir, path)), { recursive: true });
        writeFileSync(join(dir, path), text);
      }
      git('add', '--all');
      git('commit', '--quiet', '--message=files');
      return git('rev-parse', 'HEAD');
    },
    forge(revision, file, other) {
      const [path, bytes] = [file, other].map((name) => objectPath(git('rev-parse', `${revision}:${name}`))) as [string, string];
      rmSync(path);
      copyFileSync(bytes, path);
    },
  };
}

/** Answers a request below `/git/` from the repositories in `dir`. */
export function serveGit(dir: string, request: IncomingMessage, response: ServerResponse): void {
  const [path = '', query = ''] = (request.url ?? '').replace(/^\/git/, '').split('?');
  const header = (name: string) => String(request.headers[name] ?? '');
  const backend = spawn('git', ['http-backend'], {
    env: {
      ...hostEnvironment(),
      ...{ GIT_PROJECT_ROOT: dir, GIT_HTTP_EXPORT_ALL: '1', PATH_INFO: path, QUERY_STRING: query, REQUEST_METHOD: request.method ?? 'GET' },
      ...{ CONTENT_TYPE: header('content-type'), HTTP_CONTENT_ENCODING: header('content-encoding'), GIT_PROTOCOL: header('git-protocol') },
      ...(request.headers['content-length'] === undefined ? {} : { CONTENT_LENGTH: request.headers['content-length'] }),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  // It may end before it has read what it was asked.
  backend.stdin.on('error', () => undefined);
  request.pipe(backend.stdin);
  const parts: Buffer[] = [];
  backend.stdout.on('data', (part: Buffer) => parts.push(part));
  backend.stdout.on('end', () => {
    const whole = Buffer.concat(parts);
    const end = whole.indexOf('\r\n\r\n');
    const headers = whole.subarray(0, end).toString().split('\r\n');
    const named = Object.fromEntries(headers.map((line) => line.split(': ', 2) as [string, string]));
    response.writeHead(Number.parseInt(named['Status'] ?? '200', 10), { 'content-type': named['Content-Type'] ?? 'text/plain' });
    response.end(whole.subarray(end + 4));
  });
}
