/** Sizes in bytes, as integers or with a binary suffix: `0`, `16Mi`. */
export const SIZE_PATTERN = '^(0|[1-9][0-9]*(Ki|Mi|Gi|Ti)?)$';

const SIZE = new RegExp(SIZE_PATTERN);
const PARTS = /^([0-9]+)([KMGT]i)?$/;
const FACTOR: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/** Bytes, or `null` when the value is no size. */
export function parseSize(value: number | string): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : null;
  const match = SIZE.test(value) ? PARTS.exec(value) : null;
  if (match === null) return null;
  const bytes = Number(match[1]) * (match[2] === undefined ? 1 : (FACTOR[match[2]] ?? 1));
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** `512 B`, `1.5 KiB`, `16 MiB`: for messages a person reads. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
}
