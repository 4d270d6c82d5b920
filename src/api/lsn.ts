/** A position in the write-ahead log, in bytes (PostgreSQL's `pg_lsn`). */
export type Lsn = bigint & { readonly __unit: 'Lsn' };

const LSN_TEXT = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/;

/** Parses PostgreSQL's text form (`16/B374D848`); `null` when the text is no LSN. */
export function parseLsn(text: string): Lsn | null {
  const match = LSN_TEXT.exec(text);
  if (match === null) return null;
  const [, high = '0', low = '0'] = match;
  return ((BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)) as Lsn;
}

/** PostgreSQL's own text form. */
export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`;
}

/** Bytes of WAL from `behind` to `ahead`; 0 when `behind` is not behind. Safe as a number: WAL gaps stay far below 2^53. */
export function bytesBetween(behind: Lsn, ahead: Lsn): number {
  return ahead > behind ? Number(ahead - behind) : 0;
}

export function maxLsn(...lsns: readonly (Lsn | null)[]): Lsn | null {
  return lsns.reduce<Lsn | null>((best, lsn) => (lsn !== null && (best === null || lsn > best) ? lsn : best), null);
}
