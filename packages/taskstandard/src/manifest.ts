import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import {
  type EnvironmentSettings,
  EXAMPLES,
  PlumblineBlock,
  type Resources,
  Resources as ResourcesSchema,
  resolveSettings,
  type Scoring,
  Scoring as ScoringSchema,
} from './settings.ts';
import { ManifestError, parseYamlFile } from './yamlFile.ts';

/** Reads `manifest.yaml`: METR's schema, strictly, with the `meta.plumbline` block of this platform. */

/** Other people put into `meta` what they like: only our own block is looked at. */
const Meta = z.preprocess(
  (meta) => (typeof meta === 'object' && meta !== null && !Array.isArray(meta) ? meta : {}),
  z.looseObject({ plumbline: PlumblineBlock.optional() }),
);
const Version = z.union([z.string().min(1), z.number().transform(String)]);

const TaskManifest = z.strictObject({
  type: z.enum(['metr_task_standard'], 'must be metr_task_standard: tasks of other frameworks cannot be run').optional(),
  version: Version.optional(),
  resources: ResourcesSchema.default({}),
  scoring: ScoringSchema.prefault({}),
  meta: Meta.default({}),
});

const Manifest = z.strictObject({
  version: Version.optional(),
  meta: Meta.default({}),
  tasks: z.record(z.string().regex(/^[A-Za-z0-9_.-]+$/, 'task names are letters, digits, "_", "-" and "."'), TaskManifest),
});

const OverlayBlocks = {
  meta: Meta.default({}),
  tasks: z.record(z.string(), z.strictObject({ meta: Meta.default({}) })).default({}),
};

/**
 * Settings for families that stay as their authors wrote them: only the `meta` blocks of a manifest. What stands under
 * `families.NAME` holds for the family of that name, over what stands at the top for all.
 */
const Overlay = z.strictObject({ ...OverlayBlocks, families: z.record(z.string(), z.strictObject(OverlayBlocks)).default({}) });
type Overlay = z.infer<typeof Overlay>;

export interface TaskDefinition {
  name: string;
  /** The task's own version, else the family's. */
  version: string;
  resources: Resources;
  scoring: Scoring;
  settings: EnvironmentSettings;
}

export interface FamilyManifest {
  family: string;
  version: string;
  tasks: Record<string, TaskDefinition>;
}

export interface ManifestOptions {
  /** A YAML file with `meta` blocks laid over the family's own; see docs/adding-an-environment.md. */
  overlayFile?: string;
  /** Task names of a family without a manifest, beyond those that an overlay names. */
  tasks?: readonly string[];
}

function readOverlay(file: string | undefined, family: string): Pick<Overlay, 'meta' | 'tasks'>[] {
  if (file === undefined) return [];
  const shown = basename(file);
  if (!existsSync(file)) throw new ManifestError([{ file: shown, line: 1, key: '', problem: 'this file does not exist', example: null }]);
  const overlay = parseYamlFile(readFileSync(file, 'utf8'), shown, Overlay);
  const own = overlay.families[family];
  return own === undefined ? [overlay] : [overlay, own];
}

/** The standard lets a family leave its manifest out; an overlay then has to name the tasks. */
function readManifest(dir: string, shown: string, overlaid: readonly string[]): z.infer<typeof Manifest> {
  const path = join(dir, 'manifest.yaml');
  if (existsSync(path)) {
    const manifest = parseYamlFile(readFileSync(path, 'utf8'), shown, Manifest);
    if (Object.keys(manifest.tasks).length > 0) return manifest;
    const problem = 'a family needs at least one task';
    throw new ManifestError([{ file: shown, line: 1, key: 'tasks', problem, example: EXAMPLES.tasks ?? null }]);
  }
  if (overlaid.length > 0) return Manifest.parse({ tasks: Object.fromEntries(overlaid.map((name) => [name, {}])) });
  const problem = 'this file does not exist; write one, or name the tasks in an overlay';
  throw new ManifestError([{ file: shown, line: 1, key: '', problem, example: EXAMPLES.tasks ?? null }]);
}

/**
 * Reads and checks `manifest.yaml` of a family's folder, with an overlay's `meta.plumbline` over it. `family` is the
 * folder's name. Throws `ManifestError` (`invalid_input`) that lists every problem.
 */
export function loadManifest(dir: string, options: ManifestOptions = {}): FamilyManifest {
  const family = basename(dir);
  const overlays = readOverlay(options.overlayFile, family);
  const named = overlays.flatMap((overlay) => Object.keys(overlay.tasks));
  const manifest = readManifest(dir, `${family}/manifest.yaml`, [...(options.tasks ?? []), ...named]);
  const tasks: Record<string, TaskDefinition> = {};
  for (const [name, task] of Object.entries(manifest.tasks)) {
    const block: PlumblineBlock = Object.assign(
      {},
      manifest.meta.plumbline,
      task.meta.plumbline,
      ...overlays.flatMap((overlay) => [overlay.meta.plumbline, overlay.tasks[name]?.meta.plumbline]),
    );
    tasks[name] = {
      name,
      version: task.version ?? manifest.version ?? '0',
      resources: task.resources,
      scoring: task.scoring,
      settings: resolveSettings(block, { fallbackTitle: `${family}/${name}`, resources: task.resources, scoring: task.scoring }),
    };
  }
  return { family, version: manifest.version ?? '0', tasks };
}
