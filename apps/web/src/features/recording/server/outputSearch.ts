import { stripVTControlCharacters } from 'node:util';
import type { Recording } from '@plumbline/recording/reader';
import type { SearchAnswer } from '../../replay/model/recordingApi.ts';

/** Finds text in what terminals put out, line by line, without colours and the like, and whatever its case. */

const HITS_MAX = 200;
const LINE_SHOWN = 300;
/** A program that paints a screen writes no lines; what has come is looked at from this length on. */
const LINE_MAX = 8_192;

interface Line {
  decoder: TextDecoder;
  text: string;
  atMs: number;
}

export async function searchOutput(recording: Recording, wanted: string): Promise<SearchAnswer> {
  const needle = wanted.toLowerCase();
  const hits: SearchAnswer['hits'] = [];
  const lines = new Map<number, Line>();
  for await (const event of recording.events({ where: ({ type }) => type === 'terminal.output' })) {
    if (event.type !== 'terminal.output') continue;
    const line = lines.get(event.stream) ?? { decoder: new TextDecoder(), text: '', atMs: event.atMs };
    lines.set(event.stream, line);
    const parts = (line.text + line.decoder.decode(event.data.bytes, { stream: true })).split('\n');
    const rest = parts.pop() ?? '';
    line.text = rest.length > LINE_MAX ? '' : rest;
    if (rest.length > LINE_MAX) parts.push(rest);
    line.atMs = event.atMs;
    for (const part of parts) {
      if (hits.length === HITS_MAX) return { hits, truncated: true };
      const found = foundIn(part, needle);
      if (found !== null) hits.push({ terminal: event.stream, atMs: event.atMs, line: found });
    }
  }
  for (const [terminal, { text, atMs }] of lines) {
    const found = foundIn(text, needle);
    if (found !== null) hits.push({ terminal, atMs, line: found });
  }
  return { hits, truncated: false };
}

/** The part of a line around the text; null where it has none. */
function foundIn(line: string, needle: string): string | null {
  const plain = stripVTControlCharacters(line).replaceAll('\r', '').trim();
  const at = plain.toLowerCase().indexOf(needle);
  if (at === -1) return null;
  const from = Math.max(0, at - 60);
  return plain.slice(from, from + LINE_SHOWN);
}
