import { readFile } from 'node:fs/promises';
import { type ClockEventBody, type ClockEventKind, PAUSE_REASONS, SCORE_TRIGGERS } from '@plumbline/core';
import { EVENTS, type EventType, ScoreResult, SEALED_TYPES } from '@plumbline/protocol';
import { describe, expect, it } from 'vitest';
import { CODE_OF, FORMAT } from './codec.ts';
import { DICTIONARY_TEXT } from './dictionary.ts';

const specification = await readFile(new URL('../../../docs/recording-format.md', import.meta.url), 'utf8');

type MembersOf<K extends ClockEventKind> = Omit<Extract<ClockEventBody, { kind: K }>, 'kind'>;

/** Every member of every kind, which the compiler holds to the type; `?` where it may be absent. */
const CLOCK_MEMBERS: { [K in ClockEventKind]: { [M in keyof Required<MembersOf<K>>]: undefined extends MembersOf<K>[M] ? '?' : '' } } = {
  started: {},
  paused: { reason: '', note: '?', resumeAtMs: '?' },
  woken: {},
  resumed: { reason: '?' },
  adjusted: { creditMs: '', reason: '' },
  outage: { fromMs: '', toMs: '', cause: '' },
  rollback: { toElapsedMs: '', reason: '' },
  scoring_started: { scoreId: '' },
  scoring_ended: { scoreId: '' },
  submitted: {},
  expired: {},
  stopped: { reason: '' },
};

/** The values in backticks of a row of the table of words. */
const valuesOf = (member: string) => {
  const row = new RegExp(`^\\| ${member.replaceAll(/[.*]/g, '\\$&')} \\| (.+) \\|$`, 'm').exec(specification)?.[1] ?? '';
  return [...row.matchAll(/`([a-z_]+)`/g)].map(([, value]) => value);
};

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

  it('lists every kind of clock event with each of its members, and every reason of a pause', () => {
    const section = specification.split("### The clock's events")[1]?.split('\n## ')[0] ?? '';
    const rows = [...section.matchAll(/^\| `([a-z_]+)` \| (.+) \|$/gm)].filter(([, kind]) => kind !== 'kind');
    expect(rows.map(([, kind]) => kind)).toEqual(Object.keys(CLOCK_MEMBERS));
    for (const [, kind, members] of rows)
      for (const [name, mark] of Object.entries(CLOCK_MEMBERS[kind as ClockEventKind]))
        expect(members, `${kind}: ${name}`).toContain(`\`${name}${mark}\``);
    for (const reason of PAUSE_REASONS) expect(section).toContain(`\`${reason}\``);
  });

  it('lists every value of the words that are not free', () => {
    for (const [type, { schema }] of Object.entries(EVENTS)) {
      for (const [member, shape] of Object.entries<object>(schema.shape)) {
        if (!('options' in shape && Array.isArray(shape.options))) continue;
        const listed = [...valuesOf(`\`${member}\` of \`${type}\``), ...valuesOf(`\`${member}\` of \`${type.split('.')[0]}.*\``)];
        expect(listed, `${type}: ${member}`).toEqual([...shape.options]);
      }
    }
    expect(valuesOf('`trigger` of `score.*`')).toEqual([...SCORE_TRIGGERS]);
    expect(valuesOf('`status` of `score.finished`')).toEqual(ScoreResult.shape.status.options);
  });

  it('lists the kinds of event that a seal withholds', () => {
    const listed = /Events of the kinds ([^.]+?) with\s+`fromMs`/.exec(specification)?.[1] ?? '';
    expect([...listed.matchAll(/`([a-z]+)`/g)].map(([, code]) => code)).toEqual(SEALED_TYPES.map((type) => CODE_OF[type]));
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
