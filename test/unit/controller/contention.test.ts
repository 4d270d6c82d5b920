import { expect, test } from 'vitest';
import {
  type Contention,
  contentionProblem,
  noContention,
  noteForeignEdits,
} from '../../../src/controller/contention.ts';

const edit = { kind: 'EndpointSlice', name: 'orders-rw-ipv4', by: 'kubectl-edit' };
const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** One edit at each of these times. */
const after = (...times: readonly number[]): Contention =>
  times.reduce((before, nowMs) => noteForeignEdits(before, [edit], nowMs), noContention);

test('a single edit is no contention and the next is repaired soon', () => {
  const once = after(0);
  expect(contentionProblem(once, 0)).toBeNull();
  expect(once.repairAtMs).toBe(500);
});

test('the pause before a repair doubles with each edit, up to half a minute', () => {
  const pauses = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((count) => {
    const times = Array.from({ length: count }, (_, index) => index * SECOND);
    return after(...times).repairAtMs - (count - 1) * SECOND;
  });
  expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test('five edits in a minute are contention, told with the object and the other manager', () => {
  expect(contentionProblem(after(0, 10_000, 20_000, 30_000), 30_000)).toBeNull();
  const problem = contentionProblem(after(0, 10_000, 20_000, 30_000, 40_000), 40_000);
  expect(problem?.reason).toBe('Contended');
  expect(problem?.message).toMatch(/^kubectl-edit keeps changing EndpointSlice orders-rw-ipv4 .*spec\.routes\.$/);
});

test('five edits spread over more than a minute are none', () => {
  expect(contentionProblem(after(0, 20_000, 40_000, 50_000, 60_000), MINUTE)).toBeNull();
});

test('it lasts while edits go on at the slower pace that the pauses enforce, and ends with a quiet minute', () => {
  const lasting = after(0, 1000, 2000, 3000, 4000, 40_000, 80_000);
  expect(contentionProblem(lasting, 80_000)?.reason).toBe('Contended');
  expect(contentionProblem(lasting, 80_000 + MINUTE - 1)?.reason).toBe('Contended');
  expect(contentionProblem(lasting, 80_000 + MINUTE)).toBeNull();
});

test('after a quiet minute pauses begin anew', () => {
  const anew = noteForeignEdits(after(0, 1000, 2000, 3000, 4000), [edit], 4000 + MINUTE);
  expect(anew.repairAtMs).toBe(4000 + MINUTE + 500);
  expect(anew.contended).toBe(false);
});
