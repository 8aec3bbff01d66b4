/**
 * The hardware that a score was measured on, as calibrations and acceptance reports name it: `2 × NVIDIA H100 80GB HBM3`, or the
 * processor's model where an environment has no GPU. Scores of a timed environment compare only within one profile.
 */
export function hardwareProfile(hardware: { gpuModels: readonly string[]; cpus: number; cpuModel: string }): string {
  const { gpuModels, cpus, cpuModel } = hardware;
  if (gpuModels.length === 0) return `${cpus} × ${cpuModel.replace(/\s+/g, ' ').trim() || 'unknown processor'}`;
  const models = [...new Set(gpuModels)].sort();
  return models.map((model) => `${gpuModels.filter((other) => other === model).length} × ${model}`).join(' + ');
}
