import { cpus } from 'node:os';
import { loadSettings } from '@plumbline/config';
import { AppError, calibrate, hardwareProfile } from '@plumbline/core';
import { saveCalibration } from '@plumbline/database/calibrations';
import { gpuStates } from '@plumbline/sandbox';
import { loadFamily, measureScores, taskOf } from '@plumbline/taskstandard';
import { familySandbox, type SandboxFlags } from './environmentSandbox.ts';
import { print, printJson } from './output.ts';
import { withPlatform } from './platform.ts';

export interface CalibrateFlags extends SandboxFlags {
  task: string;
  reference?: string;
  times: number;
  overlay?: string;
  profile?: string;
  json?: boolean;
}

/** Scores the starting solution, and a private reference where one is given, on this machine, and keeps what came out. */
export async function calibrateEnvironment(dir: string, flags: CalibrateFlags): Promise<void> {
  const { task, overlay, reference, times } = flags;
  const family = loadFamily(dir, { overlayFile: overlay });
  const definition = taskOf(family, task);
  const cores = cpus();
  const profile =
    flags.profile ??
    hardwareProfile({
      gpuModels: (await gpuStates(flags.gpus ?? [])).map(({ model }) => model),
      cpus: Math.min(definition.settings.resources.cpus ?? cores.length, cores.length),
      cpuModel: cores[0]?.model ?? '',
    });
  await withPlatform(async ({ db }) => {
    const key = { family: family.family, task, version: definition.version, contentHash: family.contentHash };
    const environment = await db.prisma.environment.findUnique({ where: { family_task_version_contentHash: key }, select: { id: true } });
    if (environment === null) {
      throw new AppError(
        'not_found',
        `${family.family}/${task} is not an environment of this platform in just this state. Add it with "plumb environment add" first.`,
      );
    }
    const results = [];
    for (const [solution, workspace] of [
      ['start', undefined],
      ...(reference === undefined ? [] : [['reference', reference] as const]),
    ] as const) {
      const createHost = (from: typeof family, of: typeof definition) => familySandbox(from, of, flags);
      const onScore = (score: number) => (flags.json === true ? undefined : print(`${solution} ${score}`));
      const scores = await measureScores(dir, task, {
        overlayFile: overlay,
        createHost,
        times,
        workspace,
        onScore,
        modelEndpoint: loadSettings().model,
      });
      await saveCalibration(db, { environmentId: environment.id, profile, solution, scores });
      results.push({ solution, ...calibrate(scores) });
    }
    if (flags.json === true) return printJson({ profile, results });
    for (const { solution, mean, sd, n } of results)
      print(`${solution} on ${profile}: mean ${mean}, standard deviation ${sd}, ${n} scores`);
    if (reference === undefined)
      print('Without --reference attempts on this hardware are normalised by the published scores, and pages say so.');
  });
}
