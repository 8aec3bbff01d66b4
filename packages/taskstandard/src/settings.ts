import { z } from 'zod';

/**
 * What the Task Standard does not say and Plumbline needs: the `meta.plumbline` block of a manifest. Every key has a
 * default, so that other people's families run unchanged; the defaults are what the standard itself does.
 */

/** The scorer's limit where a family names none: what METR's own package falls back to. */
export const DEFAULT_SCORE_TIMEOUT_SECONDS = 600;

function isPlainRelative(path: string): boolean {
  return !path.startsWith('/') && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

const Address = z.url({ protocol: /^(https?|file)$/, error: 'must be an address that begins with https://, http:// or file://' });

/** A file of one commit of a git repository: the commit's hash says what the file is, where nobody could look up its checksum. */
const GitPin = z.strictObject({
  repository: Address,
  revision: z.string().regex(/^[0-9a-f]{40}$/, 'must be 40 lower-case hexadecimal digits: a commit, no branch or tag'),
  /** Where the file lies in the repository. */
  file: z.string().min(1).refine(isPlainRelative, 'must be a plain path such as model.safetensors'),
});
export type GitPin = z.infer<typeof GitPin>;

/** Large data of a family. The host fetches it once, holds it against its checksum and lays it read-only into the sandbox. */
export const Asset = z
  .strictObject({
    url: Address,
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits')
      .optional(),
    /** Not known of every file: then a fetch that brings too much is noticed at its end alone. */
    bytes: z.int().positive().optional(),
    /** In place of `sha256` and `bytes`. */
    git: GitPin.optional(),
    /** Below PLUMBLINE_DATA, or PLUMBLINE_SCORER_DATA where only the scorer may read it. */
    path: z.string().min(1).refine(isPlainRelative, 'must be a plain path such as openwebtext/train.bin'),
    for: z.enum(['everyone', 'scorer']).default('everyone'),
  })
  .refine(({ sha256, bytes, git }) => (git === undefined ? sha256 !== undefined : sha256 === undefined && bytes === undefined), {
    message: 'an asset is held to sha256, with bytes where they are known, or to a commit by git, and not to both',
    path: ['sha256'],
  });
export type Asset = z.infer<typeof Asset>;

const Assets = z
  .array(Asset)
  .refine(
    (assets) => new Set(assets.map((asset) => `${asset.for} ${asset.path}`)).size === assets.length,
    'two assets may not have the same path',
  );

const WhileScoring = z
  .strictObject({
    participant: z.enum(['continues', 'frozen']).default('continues'),
    clock: z.enum(['runs', 'stopped']).default('runs'),
  })
  .refine((value) => value.clock === 'runs' || value.participant === 'frozen', {
    message: 'may be "stopped" only where the participant is "frozen": time that can be worked in has to count',
    path: ['clock'],
  });

const Submission = z.strictObject({
  paths: z
    .array(
      z
        .string()
        .min(1)
        .refine((path) => !path.startsWith('/') && !path.split('/').includes('..'), 'must be relative to the workspace, without ".."'),
    )
    .min(1)
    .default(['.']),
  max_gb: z.number().positive().default(1),
});

/** A model that participant and scorer may ask, through the platform's proxy alone. Prices and budgets are dollars. */
const Model = z.strictObject({
  name: z.string().min(1).max(120),
  usd_per_million: z.strictObject({ input: z.number().min(0), output: z.number().min(0) }),
  /** The participant's is for the whole attempt, the scorer's for each score. */
  budget_usd: z.strictObject({ participant: z.number().positive(), scorer: z.number().positive() }),
  /** A program of the family that answers in a provider's place; see docs/adding-an-environment.md. */
  stand_in: z
    .string()
    .refine((path) => path.endsWith('.py') && isPlainRelative(path), 'must be a Python file of the family, such as assets/stand_in.py')
    .optional(),
});

export const ModelSettings = z.object({
  name: z.string(),
  usdPerMillion: z.object({ input: z.number(), output: z.number() }),
  budgetUsd: z.object({ participant: z.number(), scorer: z.number() }),
  standIn: z.string().nullable(),
});
export type ModelSettings = z.infer<typeof ModelSettings>;

const finite = z.number().refine(Number.isFinite, 'must be a finite number');

/** The block as written in YAML, each key optional: what a task may override of its family's. */
export const PlumblineBlock = z.strictObject({
  title: z.string().trim().min(1).max(120).optional(),
  starting_score: finite.nullable().optional(),
  reference_score: finite.nullable().optional(),
  direction: z.enum(['lower', 'higher']).optional(),
  aggregation: z.enum(['best', 'last']).optional(),
  score_unit: z.string().max(40).optional(),
  score_sd: z.number().min(0).optional(),
  measured_on: z.string().trim().min(1).max(120).optional(),
  while_scoring: WhileScoring.optional(),
  timing_sensitive: z.boolean().optional(),
  submission: Submission.optional(),
  clean_rescores: z.int().min(0).max(20).optional(),
  score_timeout_seconds: z.int().min(1).max(86_400).optional(),
  score_visible: z.boolean().optional(),
  root_scorer: z.boolean().optional(),
  review: z.array(z.string().min(1)).optional(),
  assets: Assets.optional(),
  model: Model.optional(),
});
export type PlumblineBlock = z.infer<typeof PlumblineBlock>;

const Range = z
  .tuple([z.int().min(0), z.int().min(0)])
  .refine(([low, high]) => low <= high, 'the first number of a range may not exceed the second');

/** Resources of a task, with the keys of METR's manifest. */
export const Resources = z.strictObject({
  gpu: z.strictObject({ count_range: Range, model: z.string().min(1) }).optional(),
  cpus: z.number().positive().optional(),
  memory_gb: z.number().positive().optional(),
  storage_gb: z.number().positive().optional(),
});
export type Resources = z.infer<typeof Resources>;

/** Scoring of a task, with the keys and defaults of METR's manifest. */
export const Scoring = z.strictObject({
  visible_to_agent: z.boolean().default(true),
  score_on_usage_limits: z.boolean().default(false),
  instructions: z.string().nullable().default(null),
});
export type Scoring = z.infer<typeof Scoring>;

/** The settings of one task with every default filled in: what is stored with an environment and read everywhere else. */
export const EnvironmentSettings = z.object({
  title: z.string(),
  /** Null where the family publishes none: its scores are then shown raw, never normalised. */
  startingScore: z.number().nullable(),
  referenceScore: z.number().nullable(),
  direction: z.enum(['lower', 'higher']),
  aggregation: z.enum(['best', 'last']),
  scoreUnit: z.string(),
  /** Standard deviation of the starting solution's score, measured where `measuredOn` says; null where nobody measured it. */
  scoreSd: z.number().nullable().default(null),
  /** The hardware on which the published scores were measured, for people. */
  measuredOn: z.string().nullable().default(null),
  /** Its scores are times: the attempt gets a host alone. */
  timingSensitive: z.boolean().default(false),
  whileScoring: z.object({ participant: z.enum(['continues', 'frozen']), clock: z.enum(['runs', 'stopped']) }),
  submission: z.object({ paths: z.array(z.string()), maxGb: z.number() }),
  cleanRescores: z.number(),
  scoreTimeoutSeconds: z.number(),
  scoreVisible: z.boolean(),
  /** Whether `start` and the scorer must be root, as in the standard's own container; null where nobody says. */
  rootScorer: z.boolean().nullable().default(null),
  /** Secrets without which the family does not run, by name. */
  requiredVariables: z.array(z.string()).default([]),
  review: z.array(z.string()),
  assets: z.array(Asset).default([]),
  model: ModelSettings.nullable().default(null),
  resources: Resources,
  scoring: Scoring,
});
export type EnvironmentSettings = z.infer<typeof EnvironmentSettings>;

/** A family's block with one task's block over it, defaults filled in. Lists and nested blocks are replaced whole. */
export function resolveSettings(
  block: PlumblineBlock,
  from: { fallbackTitle: string; resources: Resources; scoring: Scoring },
): EnvironmentSettings {
  return {
    title: block.title ?? from.fallbackTitle,
    startingScore: block.starting_score ?? null,
    referenceScore: block.reference_score ?? null,
    direction: block.direction ?? 'higher',
    aggregation: block.aggregation ?? 'best',
    scoreUnit: block.score_unit ?? '',
    scoreSd: block.score_sd ?? null,
    measuredOn: block.measured_on ?? null,
    timingSensitive: block.timing_sensitive ?? false,
    whileScoring: block.while_scoring ?? { participant: 'continues', clock: 'runs' },
    submission: { paths: block.submission?.paths ?? ['.'], maxGb: block.submission?.max_gb ?? 1 },
    cleanRescores: block.clean_rescores ?? 1,
    scoreTimeoutSeconds: block.score_timeout_seconds ?? DEFAULT_SCORE_TIMEOUT_SECONDS,
    scoreVisible: block.score_visible ?? from.scoring.visible_to_agent,
    rootScorer: block.root_scorer ?? null,
    requiredVariables: [],
    review: block.review ?? [],
    assets: block.assets ?? [],
    model: modelSettings(block.model),
    resources: from.resources,
    scoring: from.scoring,
  };
}

function modelSettings(model: PlumblineBlock['model']): ModelSettings | null {
  if (model === undefined) return null;
  return { name: model.name, usdPerMillion: model.usd_per_million, budgetUsd: model.budget_usd, standIn: model.stand_in ?? null };
}

/** One correct line for each key, shown beside an error so that the file can be mended without the manual. */
export const EXAMPLES: Readonly<Record<string, string>> = {
  version: 'version: "1.0.0"',
  tasks: 'tasks: { main: { resources: { cpus: 2, memory_gb: 4 } } }',
  resources: 'resources: { cpus: 2, memory_gb: 4, storage_gb: 10 }',
  gpu: 'gpu: { count_range: [1, 1], model: h100 }',
  count_range: 'count_range: [1, 2]',
  cpus: 'cpus: 2',
  memory_gb: 'memory_gb: 4',
  storage_gb: 'storage_gb: 10',
  scoring: 'scoring: { visible_to_agent: true, score_on_usage_limits: true }',
  visible_to_agent: 'visible_to_agent: true',
  score_on_usage_limits: 'score_on_usage_limits: true',
  title: 'title: Optimise a kernel',
  starting_score: 'starting_score: 1.56',
  reference_score: 'reference_score: 0.47',
  direction: 'direction: lower',
  aggregation: 'aggregation: best',
  score_unit: 'score_unit: ln(ms)',
  score_sd: 'score_sd: 0.02',
  measured_on: 'measured_on: 2 CPU cores',
  timing_sensitive: 'timing_sensitive: true',
  while_scoring: 'while_scoring: { participant: frozen, clock: runs }',
  participant: 'participant: frozen',
  clock: 'clock: runs',
  submission: 'submission: { paths: [solution], max_gb: 1 }',
  paths: 'paths: [solution]',
  max_gb: 'max_gb: 1',
  clean_rescores: 'clean_rescores: 3',
  score_timeout_seconds: 'score_timeout_seconds: 120',
  score_visible: 'score_visible: true',
  root_scorer: 'root_scorer: true',
  review: 'review: [reads the reference answer]',
  assets: 'assets: [{ url: "https://example.org/data.bin", sha256: <64 hex digits>, bytes: 1024, path: data.bin }]',
  url: 'url: "https://example.org/data.bin"',
  sha256: 'sha256: <64 hex digits, as sha256sum prints them>',
  bytes: 'bytes: 1024',
  git: 'git: { repository: "https://huggingface.co/owner/model", revision: <40 hex digits>, file: model.safetensors }',
  repository: 'repository: "https://huggingface.co/owner/model"',
  revision: 'revision: <40 hex digits, as git rev-parse prints them>',
  file: 'file: model.safetensors',
  path: 'path: openwebtext/train.bin',
  for: 'for: scorer',
  model: 'model: { name: gpt-4o-mini, usd_per_million: { input: 0.15, output: 0.6 }, budget_usd: { participant: 50, scorer: 5 } }',
  usd_per_million: 'usd_per_million: { input: 0.15, output: 0.6 }',
  budget_usd: 'budget_usd: { participant: 50, scorer: 5 }',
  stand_in: 'stand_in: assets/stand_in.py',
};
