/** How times and long texts are written in a status. */

/** RFC 3339 with whole seconds, as Kubernetes writes condition times. */
export function wholeSeconds(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, 19)}Z`;
}

/** RFC 3339 with milliseconds, where the sub-second part matters. */
export function milliseconds(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

/** `; since 2026-01-01T12:00:00Z`, or nothing when the moment is unknown. */
export function since(
  atMonotonicMs: number | null,
  now: { readonly nowMs: number; readonly monotonicMs: number },
): string {
  return atMonotonicMs === null ? '' : `; since ${wholeSeconds(now.nowMs - (now.monotonicMs - atMonotonicMs))}`;
}

/** Cuts to `max` characters; the API server refuses a status whose texts are longer than the schema allows. */
export function bounded(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}

/** Cuts to `maxBytes` of UTF-8 without splitting a character. */
export function boundedBytes(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const ellipsis = '…';
  let kept = '';
  let bytes = Buffer.byteLength(ellipsis);
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    kept += character;
  }
  return kept + ellipsis;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`;
}

/** Joins what is not empty, so that optional parts of a message leave no stray separator. */
export function sentences(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('; ');
}
