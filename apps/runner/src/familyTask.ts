import { AppError } from '@plumbline/core';
import {
  EnvironmentSettings,
  type Family,
  loadFamily,
  type ScoringKind,
  scoringKind,
  type TaskFacts,
  taskOf,
} from '@plumbline/taskstandard';

/** What the runner knows of the task it serves: from the family's folder, and from asking the family once. */

export interface FamilyTask {
  readonly family: Family;
  readonly name: string;
  readonly settings: EnvironmentSettings;
  readonly facts: TaskFacts;
  readonly scoringKind: ScoringKind;
}

/**
 * Reads the family's folder. `given` are the settings that the environment was added with, an overlay's among them; without
 * any the manifest's own hold. Throws `invalid_input` where it is broken, `not_found` where it has no such task.
 */
export function loadTask(familyDir: string, task: string, given?: unknown): { family: Family; settings: EnvironmentSettings } {
  if (given !== undefined) {
    const family = loadFamily(familyDir, { tasks: [task] });
    const settings = EnvironmentSettings.parse(given);
    return { family, settings: { ...settings, rootScorer: settings.rootScorer ?? family.tasks[task]?.settings.rootScorer ?? null } };
  }
  const family = loadFamily(familyDir);
  return { family, settings: taskOf(family, task).settings };
}

/** How this family is scored. Throws `invalid_input` where it has no method for it. */
export function scoringKindOf(facts: TaskFacts): ScoringKind {
  const kind = scoringKind(facts.methods);
  if (kind === null) throw new AppError('invalid_input', 'The environment has neither score() nor intermediate_score().');
  return kind;
}
