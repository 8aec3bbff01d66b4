/** The states of an attempt and the moves between them: the one place that says which are legal. */

export const ATTEMPT_STATES = [
  'scheduled',
  'provisioning',
  'ready',
  'running',
  'paused',
  'finalising',
  'completed',
  'void',
  'withdrawn',
] as const;

export type AttemptState = (typeof ATTEMPT_STATES)[number];

export const END_REASONS = ['submitted', 'expired', 'stopped_by_admin'] as const;
export type EndReason = (typeof END_REASONS)[number];

const MOVES: Record<AttemptState, readonly AttemptState[]> = {
  scheduled: ['provisioning', 'void', 'withdrawn'],
  // Back to scheduled: provisioning failed, and may be asked for again.
  provisioning: ['ready', 'scheduled', 'void', 'withdrawn'],
  // Back to scheduled: not started in time, so it gives its resources back.
  ready: ['running', 'scheduled', 'void', 'withdrawn'],
  running: ['paused', 'finalising', 'void', 'withdrawn'],
  paused: ['running', 'finalising', 'void', 'withdrawn'],
  finalising: ['completed', 'void'],
  // Back to finalising: what the platform could not score at the end is scored again.
  completed: ['finalising'],
  void: [],
  withdrawn: [],
};

/** Whether an attempt may go from one state to the other in one step. */
export function canMove(from: AttemptState, to: AttemptState): boolean {
  return MOVES[from].includes(to);
}

/** Whether the participant's clock has started and the attempt has not ended. */
export function isUnderWay(state: AttemptState): boolean {
  return state === 'running' || state === 'paused';
}

/** The state that readers go by: an attempt that is scored again stays a complete one to them. */
export function stateToReaders(state: AttemptState, wasCompleted: boolean): AttemptState {
  return state === 'finalising' && wasCompleted ? 'completed' : state;
}

/** Whether a runner should exist for an attempt in this state. */
export function needsRunner(state: AttemptState): boolean {
  return state === 'provisioning' || state === 'ready' || isUnderWay(state) || state === 'finalising';
}
