import { isAbsolute } from 'node:path';
import type { EnvironmentSettings } from './settings.ts';

/**
 * What only a person can see of a scorer that other people wrote: most of them run the participant's code with their own rights or read
 * its files while it runs. Our own families are built so that each of these is caught or harmless.
 */
const SCORER_CHECKS = [
  'a process that was left running and works on the scorer, its files or its GPU while it scores',
  'an interpreter, a start-up file or a library that was changed so that the scorer runs it',
  'score.py, or what the scorer imports, replaced in the workspace',
  'a submission that is a link to what only the scorer may read',
  'a submission that was changed while the scorer read it',
  'a copy of /protected or of the scorer’s files, taken by code that the scorer ran',
  'a score that the scorer did not give: an answer, or rows of its log, by code that it ran; the details of a score say where a log got other than one row',
  'a disk or memory filled so that the scorer fails where it would have refused',
];

/**
 * What a reviewer looks for before a result of this environment counts: the family's own list, and what the scorers of other people's
 * families need, whether they are root or not.
 *
 * @param familyDir as an environment has it: relative for a family that is a part of this installation, absolute for all others.
 */
export function reviewChecklist({ review, rootScorer }: Pick<EnvironmentSettings, 'review' | 'rootScorer'>, familyDir: string): string[] {
  return [...review, ...(isAbsolute(familyDir) || rootScorer === true ? SCORER_CHECKS : [])];
}
