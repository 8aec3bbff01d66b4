/** How Plumbline writes durations, numbers and sizes: the same on every page. */

/** A duration in milliseconds as `7:42:10`; hours are always shown, and a negative one has a minus sign. */
export function formatDuration(durationMs: number): string {
  const totalSeconds = Math.floor(Math.abs(durationMs) / 1000);
  const hours = Math.floor(totalSeconds / 3600);
  const minutes = Math.floor((totalSeconds % 3600) / 60);
  const seconds = totalSeconds % 60;
  const sign = durationMs < 0 && totalSeconds > 0 ? '−' : '';
  return `${sign}${hours}:${String(minutes).padStart(2, '0')}:${String(seconds).padStart(2, '0')}`;
}

/** A limit or an allowance in words: `8 h`, `1 h 30 min`, `45 s`. */
export function formatSpan(durationMs: number): string {
  const totalSeconds = Math.round(durationMs / 1000);
  const hours = Math.floor(totalSeconds / 3600);
  const minutes = Math.floor((totalSeconds % 3600) / 60);
  const seconds = totalSeconds % 60;
  const parts = [hours && `${hours} h`, minutes && `${minutes} min`, seconds && `${seconds} s`].filter(Boolean);
  return parts.length > 0 ? parts.join(' ') : '0 s';
}

/** A score with up to four significant decimals, or a dash where there is none. */
export function formatScore(score: number | null | undefined): string {
  if (score === null || score === undefined || !Number.isFinite(score)) return '–';
  const size = Math.abs(score);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) return score.toExponential(3);
  return score.toLocaleString('en-US', { maximumFractionDigits: 4, useGrouping: false });
}

/** A normalised score: 0 is the starting solution, 1 the reference. Three decimals always, so that columns line up. */
export function formatNormalised(value: number | null | undefined): string {
  return value === null || value === undefined || !Number.isFinite(value) ? '–' : value.toFixed(3);
}

/** A count of bytes as `4.2 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** An amount of money held in the currency's hundredth. */
export function formatMoney(cents: number, currency: string): string {
  return new Intl.NumberFormat('en-US', { style: 'currency', currency, maximumFractionDigits: cents % 100 === 0 ? 0 : 2 }).format(
    cents / 100,
  );
}

/** A moment in a named zone: `23 Nov 2026, 17:05 UTC`. */
export function formatTime(at: Date, zone: string, options: { seconds?: boolean } = {}): string {
  return new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    ...(options.seconds ? { second: '2-digit' } : {}),
    timeZoneName: 'short',
  }).format(at);
}
