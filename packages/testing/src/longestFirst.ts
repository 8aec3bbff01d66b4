import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take half a minute or more on two cores, the longest first: one that is begun last runs alone at the end. */
const LONGEST = [
  'docker/docker',
  'isolation/isolation',
  'gateway/src/lostJob',
  'taskstandard/src/restrictedMlm',
  'taskstandard/src/optimizeKernel',
  'runner/src/scoring',
  'runner/src/familiesOnDocker',
  'runner/src/familyTrials',
  'taskstandard/src/fixEmbedding',
  'slurm/slurm',
  'taskstandard/src/gpt2RlQa',
  'cli/src/host',
  'ssh/ssh',
  'taskstandard/src/optimizeLlmFoundry',
];

function rank({ moduleId }: TestSpecification): number {
  const at = LONGEST.findIndex((name) => moduleId.endsWith(`${name}.integration.test.ts`));
  return at === -1 ? LONGEST.length : at;
}

/** The order of test files: what takes long before what does not, and else as Vitest has it. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}
