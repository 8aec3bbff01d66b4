import { ATTEMPT_COLUMNS, CLOCK_COLUMNS, type Column, FLOW_COLUMNS, SCORE_COLUMNS } from './columns.ts';

/** The README of an export: what each file is and what each column means. No dates, so that the same export has the same bytes. */
export function readmeText(counts: { attempts: number; participants: number; scores: number; leftOut: number }): string {
  return `# Plumbline export

${counts.attempts} attempts by ${counts.participants} participants, with ${counts.scores} scores.

| file | what it is |
|---|---|
| \`attempts.jsonl\` | a row per attempt |
| \`scores.jsonl\` | a row per score |
| \`clock.jsonl\` | a row per event of an attempt's clock, from which its elapsed time follows |
| \`flow.jsonl\` | how many attempts were asked for, left out and why, and released |
| \`events/ATTEMPT.jsonl.zst\` | the recording, an event per line, in the order of arrival: \`seq\`, \`atMs\` (milliseconds since 1970, UTC), \`type\`, \`stream\`, \`data\` |
| \`casts/ATTEMPT-TERMINAL.cast\` | each terminal as asciicast v2, for \`asciinema play\` |
| \`proofs/ATTEMPT.jsonl\` | salts, withheld hashes and roots: what the events are checked against |
| \`manifests/ATTEMPT.json\`, \`.sig\` | the signed roots of a recording, and the Ed25519 signature (base64) |
| \`manifests/ATTEMPT.tst\` | where there is one: an outside authority's time-stamp of the manifest (RFC 3161); \`openssl ts -verify -data ATTEMPT.json -in ATTEMPT.tst -token_in -CAfile …\` checks it with the authority's certificates |
| \`manifests/signing.pub\` | the key that all is signed with |
| \`SHA256SUMS\`, \`.sig\` | of every other file: \`sha256sum -c SHA256SUMS\`; and their signature, so that no table or cast can be another |

Terminal output is \`{offset, bytes}\`: bytes are a string of UTF-8 text, or, where they are not valid UTF-8, an array that alternates
text and base64. What was typed and pasted into terminals, dotfiles, what staff wrote to participants, and what people did to the clock, with who they
are and the words of theirs, is left out: such an event is \`{"seq": …, "withheld": true}\`, and its hash stands in the proof, so that nothing
can have been taken out unseen. The events of one segment are one zstd frame; \`zstd -d\` reads the whole file.

\`plumb verify DIR\` checks events, proofs, manifests and sums. It believes the key in \`manifests/\`: compare its fingerprint with one
that you have from elsewhere. The format is specified in Plumbline's \`docs/recording-format.md\`.

This is a release behind terms, a gated one. ${counts.leftOut} of the attempts that were asked for are left out, because their participants do not
agree to that, or were never asked. What each participant agrees to beyond it stands in the \`consent_\` columns: without that consent an
attempt may not be published, AI not be trained on it, nor its participant be quoted. Answers that were changed after this export was built do not
reach it: build a new one before you hand it on.

What people typed into files and into the survey, and what programs printed, is here as it was: it may name or identify people, and it may hold solutions.
Do not publish it without reading it.

## attempts.jsonl

${columnTable(ATTEMPT_COLUMNS)}

## scores.jsonl

${columnTable(SCORE_COLUMNS)}

## clock.jsonl

${columnTable(CLOCK_COLUMNS)}

## flow.jsonl

${columnTable(FLOW_COLUMNS)}
`;
}

function columnTable(columns: readonly Column[]): string {
  const rows = columns.map(({ name, unit, rule }) => `| \`${name}\` | ${unit} | ${rule} |`);
  return ['| column | unit | rule |', '|---|---|---|', ...rows].join('\n');
}
