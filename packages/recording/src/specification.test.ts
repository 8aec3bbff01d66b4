import { readFile } from 'node:fs/promises';
import { EVENTS, type EventType } from '@plumbline/protocol';
import { describe, expect, it } from 'vitest';
import { CODE_OF, FORMAT } from './codec.ts';
import { DICTIONARY_TEXT } from './dictionary.ts';

const specification = await readFile(new URL('../../../docs/recording-format.md', import.meta.url), 'utf8');

describe('docs/recording-format.md', () => {
  it('lists every event type with its code and with each member of its data', () => {
    const rows = [...specification.matchAll(/^\| `([a-z_]+\.[a-z]+)` +\| `([a-z]+)` +\| (.+) \|$/gm)];
    expect(Object.fromEntries(rows.map(([, type, code]) => [type, code]))).toEqual(CODE_OF);
    for (const [, type, , members] of rows) {
      const { shape } = EVENTS[type as EventType].schema;
      for (const [name, schema] of Object.entries(shape)) {
        const isOptional = schema.safeParse(undefined).success && name !== 'message' && name !== 'details';
        expect(members, `${type}: ${name}`).toContain(`\`${name}${isOptional ? '?' : ''}\``);
      }
    }
  });

  it('names the format that is written', () => {
    expect(specification).toContain(`\`${FORMAT}\``);
  });

  it('has the dictionary of sealed objects, to the letter', () => {
    expect(specification).toContain(`\n\`\`\`text\n${DICTIONARY_TEXT}\n\`\`\`\n`);
  });

  it('explains every kind of problem that verification can find', async () => {
    const chain = await readFile(new URL('./chain.ts', import.meta.url), 'utf8');
    const kinds = [...(chain.split('export interface Problem')[0] ?? '').matchAll(/\| '([a-z_]+)'/g)].map(([, kind]) => kind);
    expect(kinds.length).toBeGreaterThan(5);
    for (const kind of kinds) expect(specification).toContain(`| \`${kind}\` `);
  });
});
