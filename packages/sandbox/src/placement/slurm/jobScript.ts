/** The script of a job: what runs on the node before and after the runner, and how the runner gets its config. */

/** Programs by paths that every node sees. */
export interface NodePrograms {
  readonly node: string;
  readonly runner: string;
  /** Ends what a runner left behind. */
  readonly endLeftovers: string;
}

export interface JobScriptOptions {
  /** Read and removed by the job, so that the token stands in no script, argument or environment that Slurm keeps or shows. */
  readonly configFile: string;
  /** The runner's own folder, made on the node: others may walk through it, and list nothing. */
  readonly stateDir: string;
  /** Another job finds it there: it is not on this node's own disk. */
  readonly keepsStateDir: boolean;
  readonly launchScript: string | null;
  readonly programs: NodePrograms;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * The text to hand to sbatch. The shell stays beside the runner, passes on the signal that asks it to end, ends it
 * at SIGUSR2, and clears up after it. The runner is told its node, and which GPUs the job was given, in the numbers that
 * `nvidia-smi` uses on that node for this job.
 */
export function jobScript({ configFile, stateDir, keepsStateDir, launchScript, programs }: JobScriptOptions): string {
  const { node, runner, endLeftovers } = programs;
  return [
    '#!/bin/bash',
    'umask 022',
    // A job that is run a second time ends here: its config is gone.
    `exec 3<${quoted(configFile)} || exit 1`,
    `rm -f ${quoted(configFile)}`,
    `mkdir -p ${quoted(stateDir)} && chmod 711 ${quoted(stateDir)} || exit 1`,
    ...(launchScript === null ? [] : [`. ${quoted(launchScript)} </dev/null 3<&- || exit 1`]),
    `${quoted(node)} ${quoted(runner)} --node "\${SLURMD_NODENAME:-}" --gpus "\${CUDA_VISIBLE_DEVICES:-\${SLURM_JOB_GPUS:-}}" <&3 3<&- &`,
    'runner=$!',
    'exec 3<&-',
    'trap \'kill -TERM "$runner" 2>/dev/null\' TERM',
    'trap \'kill -KILL "$runner" 2>/dev/null\' USR2',
    // A signal ends the wait, not the runner.
    'while kill -0 "$runner" 2>/dev/null; do wait "$runner"; done',
    // Asked again once it has ended: where it did so between the signal and the next wait, the code so far is the signal's.
    'wait "$runner"',
    'code=$?',
    `${quoted(node)} ${quoted(endLeftovers)} ${quoted(stateDir)} </dev/null`,
    // No other job finds what an orderly end leaves there; what a fault leaves is kept for whoever looks into it.
    ...(keepsStateDir ? [] : [`[ "$code" -ne 0 ] || rm -rf --one-file-system -- ${quoted(stateDir)}`]),
    'exit "$code"',
    '',
  ].join('\n');
}
