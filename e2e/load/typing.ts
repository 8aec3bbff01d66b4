/** Between an echo and the next key: a fast typist's bursts and a slow one's pauses. */
const GAP_MIN_MS = 25;
const GAP_MAX_MS = 125;

/** How long this typist waits before the next key, ms. */
export function nextGapMs(): number {
  return GAP_MIN_MS + Math.random() * (GAP_MAX_MS - GAP_MIN_MS);
}

export function randomLetter(): string {
  return String.fromCharCode(97 + Math.floor(Math.random() * 26));
}
