import { expect, test } from 'vitest';
import { createLiveness } from '../../../src/telemetry/liveness.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function build() {
  const clock = new FakeClock();
  return { clock, liveness: createLiveness(() => clock.monotonicMs()) };
}

test('is well while each piece of work moves within its own limit', async () => {
  const { clock, liveness } = build();
  expect(liveness.verdict()).toEqual({ ok: true, detail: 'ok' });
  liveness.beat('queue', 5_000);
  liveness.beat('watch', 60_000);
  await clock.advance(5_000);
  liveness.beat('queue', 5_000);
  await clock.advance(5_000);
  expect(liveness.verdict().ok).toBe(true);
});

test('names the work that stands still, and for how long', async () => {
  const { clock, liveness } = build();
  liveness.beat('queue', 5_000);
  liveness.beat('watch', 60_000);
  await clock.advance(8_000);
  expect(liveness.verdict()).toEqual({ ok: false, detail: 'queue has not moved for 8s' });
  liveness.end('queue');
  expect(liveness.verdict().ok).toBe(true);
});
