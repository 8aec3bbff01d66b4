import type { Dotfile, SetupFinding } from '@plumbline/core';
import { lintSource } from '@secretlint/core';
import { creator as recommendedRules } from '@secretlint/secretlint-rule-preset-recommend';

/** Finds keys, tokens and passwords in what people bring along. What is found is named and placed, and never repeated. */

/** By the rule's end: what the library's own words would say of the secret itself. */
const WHAT: Record<string, string> = {
  aws: 'a key of AWS',
  gcp: 'a key of Google Cloud',
  privatekey: 'a private key',
  npm: 'a token of npm',
  slack: 'a token of Slack',
  basicauth: 'a password in an address',
  openai: 'a key of OpenAI',
  anthropic: 'a key of Anthropic',
  github: 'a token of GitHub',
  gitlab: 'a token of GitLab',
  huggingface: 'a token of Hugging Face',
};

/** What the library leaves out: shapes that have no owner, and plain assignments to names that say what they are. */
const OWN_RULES: readonly { pattern: RegExp; what: string }[] = [
  { pattern: /-----BEGIN [A-Z0-9 ]*PRIVATE KEY|PuTTY-User-Key-File/, what: 'a private key' },
  { pattern: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/, what: 'a key of AWS' },
  { pattern: /\bAIza[0-9A-Za-z_-]{35}\b/, what: 'a key of Google' },
  { pattern: /\bsk-[A-Za-z0-9_-]{20,}/, what: 'a key of a model provider' },
  { pattern: /\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/, what: 'a signed token' },
  { pattern: /\bauthorization\b["']?\s*[:=]\s*["']?(?:bearer|basic|token)\s+[^\s"'$]{8,}/i, what: 'a credential of a web service' },
  {
    pattern:
      /(?:passw(?:or)?d|passphrase|secret|token|api_?key|access_?key|private_?key|credentials?|auth_?key)["']?\s*[=:]\s*["']?(?![$<`(*{%"'\s]|(?:x{3,}|\.{3,}|your|example|changeme|none|null|true|false)\b)[^\s"'`]{8,}/i,
    what: 'a password or token',
  },
];

/** Directives of the library in comments, by which a file could keep things from it. */
const DIRECTIVE = /secretlint-(?=disable|enable)/g;

/** The secrets in these files, each with its line; empty where none was found. */
export async function findSecrets(files: readonly Dotfile[]): Promise<SetupFinding[]> {
  const found = await Promise.all(files.map((file) => secretsOf(file)));
  return found.flat();
}

async function secretsOf({ path, text }: Dotfile): Promise<SetupFinding[]> {
  const content = text.replace(DIRECTIVE, 'secretlint+');
  const { messages } = await lintSource({
    source: { filePath: path, content, ext: '', contentType: 'text' },
    options: { config: { rules: [{ id: 'recommended', rule: recommendedRules }] } },
  });
  const byLine = new Map<number, string>();
  for (const { ruleId, loc } of messages) {
    byLine.set(loc.start.line, WHAT[ruleId.slice(ruleId.lastIndexOf('-') + 1)] ?? 'a secret');
  }
  for (const [i, line] of content.split('\n').entries()) {
    const rule = OWN_RULES.find(({ pattern }) => pattern.test(line));
    if (rule !== undefined && !byLine.has(i + 1)) byLine.set(i + 1, rule.what);
  }
  return [...byLine]
    .sort(([a], [b]) => a - b)
    .map(([line, what]) => ({
      path,
      line,
      message: `seems to hold ${what}. Take it out: what you bring is recorded, and others read it.`,
    }));
}
