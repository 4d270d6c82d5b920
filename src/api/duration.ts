/**
 * Go-style durations as Flux, cert-manager and the Gateway API write them: `500ms`, `2s`, `1m30s`, `24h`. Five digits
 * a part, as in the Gateway API, so that four parts of hours stay below Go's largest duration (292 years). `[.]` and
 * not `\.`, because the text also stands in CEL string literals, which know no such escape.
 */
export const DURATION_PATTERN = '^([0-9]{1,5}([.][0-9]{1,3})?(ms|s|m|h)){1,4}$';

const DURATION = new RegExp(DURATION_PATTERN);
const PART = /([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)/g;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds, or `null` when the text is no duration. */
export function parseDuration(text: string): number | null {
  if (!DURATION.test(text)) return null;
  let totalMs = 0;
  for (const [, amount = '0', unit = 'ms'] of text.matchAll(PART)) totalMs += Number(amount) * (UNIT_MS[unit] ?? 0);
  return totalMs;
}

/** For durations that a schema has already checked. */
export function durationMs(text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new RangeError(`not a duration: ${JSON.stringify(text)}`);
  return ms;
}

/** `850ms`, `12s`, `3m20s`, `2h5m`: at most two units, for messages a person reads. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
}
