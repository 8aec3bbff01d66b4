/** How much is given back at the least in one piece; shorter gaps are added up. */
const OUTAGE_FROM_MS = 5_000;
/** The clock is right to a second, and an outage begins with the last heartbeat that was kept. */
const OFF_BY_MS = 1_000 + 1_000;

export interface Stretch {
  fromMs: number;
  toMs: number;
}

export interface ClockEventRow {
  kind: string;
  atMs: number;
  fromMs?: number;
  toMs?: number;
  creditMs?: number;
}

/** Stretches without those that overlap, in order. */
function merged(stretches: readonly Stretch[]): Stretch[] {
  const all: Stretch[] = [];
  for (const { fromMs, toMs } of stretches.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = all.at(-1);
    if (last !== undefined && fromMs <= last.toMs) last.toMs = Math.max(last.toMs, toMs);
    else all.push({ fromMs, toMs });
  }
  return all;
}

/** How long a stretch, or all of several, lasted; what overlaps counts once. */
export const lengthMs = (stretches: readonly Stretch[]): number =>
  merged(stretches).reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);

/** What of a stretch lies outside of others. */
function outsideMs(stretch: Stretch, others: readonly Stretch[]): number {
  return lengthMs([stretch, ...others]) - lengthMs(others);
}

const outagesOf = (events: readonly ClockEventRow[]): Stretch[] =>
  events.flatMap(({ kind, fromMs, toMs }) => (kind === 'outage' ? [{ fromMs: fromMs as number, toMs: toMs as number }] : []));

const pausesOf = (events: readonly ClockEventRow[]): Stretch[] =>
  events.flatMap(({ kind, atMs }, at) => {
    if (kind !== 'paused') return [];
    return [{ fromMs: atMs, toMs: events.slice(at).find((later) => later.kind === 'resumed')?.atMs ?? Number.POSITIVE_INFINITY }];
  });

const creditsMs = (events: readonly ClockEventRow[]): number =>
  events.reduce((sum, { kind, creditMs }) => (kind === 'adjusted' ? sum + (creditMs as number) : sum), 0);

/** The time before a moment that a log of events leaves out of the elapsed time. */
export function leftOutMs(events: readonly ClockEventRow[], beforeMs = Number.POSITIVE_INFINITY): number {
  const stood = [...outagesOf(events), ...pausesOf(events)].filter(({ fromMs }) => fromMs < beforeMs);
  return lengthMs(stood.map(({ fromMs, toMs }) => ({ fromMs, toMs: Math.min(toMs, beforeMs) }))) + creditsMs(events);
}

/** When the sandbox, the database or the pages were out of reach, by the wall clock of who took them away. */
export class OutOfReach {
  /** Between these it was so for certain. */
  readonly #surely: Stretch[] = [];
  /** Not outside of these. */
  readonly #atMost: Stretch[] = [];

  surely(stretch: Stretch): void {
    this.#surely.push(stretch);
  }

  atMost(stretch: Stretch): void {
    this.#atMost.push(stretch);
  }

  /** What is wrong with the time that a clock gave back, in words: a long stretch that it did not, and any that it had no reason for. */
  faults(events: readonly ClockEventRow[]): string[] {
    const faults: string[] = [];
    const stood = [...outagesOf(events), ...pausesOf(events)];
    for (const stretch of this.#surely) {
      const missingMs = outsideMs(stretch, stood);
      if (lengthMs([stretch]) >= OUTAGE_FROM_MS && missingMs > OFF_BY_MS)
        faults.push(`of ${lengthMs([stretch])} ms out of reach from ${stretch.fromMs} on ${missingMs} ms were not given back`);
    }
    const allowed = this.#atMost.map(({ fromMs, toMs }) => ({ fromMs: fromMs - OFF_BY_MS, toMs: toMs + OFF_BY_MS }));
    for (const outage of outagesOf(events)) {
      const beyondMs = outsideMs(outage, allowed);
      if (beyondMs > 0) faults.push(`${beyondMs} ms from ${outage.fromMs} to ${outage.toMs} were given back while all was within reach`);
    }
    const mostMs = lengthMs([...allowed, ...outagesOf(events)]) - lengthMs(outagesOf(events));
    if (creditsMs(events) > mostMs) faults.push(`${creditsMs(events)} ms of short gaps were given back, of ${mostMs} ms at most`);
    return faults;
  }
}
