import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type AppError, toAppError } from '@plumbline/core';

/** What a host name of a port shows where the sandbox's own page cannot be shown. */

const RETRY_SECONDS = 3;
/** These pass by themselves: the page asks again. */
const PASSING: ReadonlySet<string> = new Set(['clock_not_running', 'sandbox_unavailable', 'not_found']);

export function refusePage(response: ServerResponse, error: unknown): void {
  const known = toAppError(error);
  if (response.headersSent) return void response.destroy();
  const body = pageOf(known);
  response.writeHead(statusOf(known), {
    'content-type': 'text/html; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    connection: 'close',
  });
  response.end(body);
}

export function refuseUpgrade(socket: Duplex, error: unknown): void {
  const known = toAppError(error);
  socket.end(`HTTP/1.1 ${statusOf(known)} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** To a browser this host is what is missing or away; a conflict of the clock is no answer of HTTP's. */
function statusOf({ code, status }: AppError): number {
  return code === 'clock_not_running' ? 503 : code === 'time_expired' ? 410 : status;
}

function pageOf({ code, message }: AppError): string {
  const retries = PASSING.has(code);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Page of the sandbox</title>${retries ? `<meta http-equiv="refresh" content="${RETRY_SECONDS}">` : ''}
<style>:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto 0;padding:0 1.5rem}h1{font-size:1.15rem}</style>
<main><h1>This page of the sandbox cannot be shown</h1><p>${escaped(message)}</p>${
    retries ? '<p>This page looks again by itself.</p>' : '<p>Open it again from <b>Ports</b> in the workspace.</p>'
  }</main></html>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
