import { type CalibrationRecord, calibrate } from '@plumbline/core';
import type { Database } from './client.ts';

export interface NewCalibration {
  environmentId: string;
  /** As `hardwareProfile` names it. */
  profile: string;
  solution: CalibrationRecord['solution'];
  scores: readonly number[];
}

/** Keeps the scores of a known solution; the newest per environment, profile and solution counts. */
export async function saveCalibration(db: Database, calibration: NewCalibration): Promise<CalibrationRecord> {
  const { environmentId, profile, solution, scores } = calibration;
  const { mean, sd, n } = calibrate(scores);
  const row = await db.prisma.calibration.create({ data: { environmentId, profile, solution, scores: [...scores], mean, sd, n } });
  return { profile, solution, mean, sd, n, atMs: row.at.getTime() };
}
