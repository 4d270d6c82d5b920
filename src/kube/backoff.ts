import type { Random } from '../ports/clock.ts';

const BASE_MS = 200;
const CAP_MS = 30_000;

/** Wait before attempt number `failures` + 1: 0.2 s doubling to 30 s, the upper half of it by chance. 0 after no failure. */
export function backoffMs(failures: number, random: Random): number {
  if (failures <= 0) return 0;
  const ceilingMs = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(failures - 1, 20));
  return ceilingMs / 2 + (ceilingMs / 2) * random();
}
