/** Whether the operator's own work goes on: each piece of it says so from time to time, within a limit of its own. */
import { formatDuration } from '../api/duration.ts';
import type { HealthVerdict } from './server.ts';

export interface Liveness {
  /** `work` is alive now and promises to say so again within `limitMs`. */
  beat(work: string, limitMs: number): void;
  /** `work` has ended as it should. */
  end(work: string): void;
  verdict(): HealthVerdict;
}

export function createLiveness(monotonicMs: () => number): Liveness {
  const beats = new Map<string, { readonly atMs: number; readonly limitMs: number }>();
  return {
    beat: (work, limitMs) => {
      beats.set(work, { atMs: monotonicMs(), limitMs });
    },
    end: (work) => {
      beats.delete(work);
    },
    verdict: () => {
      const nowMs = monotonicMs();
      const late = [...beats].filter(([, { atMs, limitMs }]) => nowMs - atMs > limitMs);
      if (late.length === 0) return { ok: true, detail: 'ok' };
      const words = late.map(([work, { atMs }]) => `${work} has not moved for ${formatDuration(nowMs - atMs)}`);
      return { ok: false, detail: words.join('\n') };
    },
  };
}
