import type { LayerTimings, ProbeLayer } from '../api/evidence.ts';
import type { Clock } from '../ports/clock.ts';

/** Which layer a connection has reached, and how long each took. */
export interface LayerTimer {
  readonly layer: () => ProbeLayer;
  readonly enter: (layer: ProbeLayer) => void;
  /** Milliseconds per layer, the current one up to now. */
  readonly timings: () => LayerTimings;
}

export function startLayers(clock: Clock, first: ProbeLayer): LayerTimer {
  const spent: Partial<Record<ProbeLayer, number>> = {};
  let current = first;
  let sinceMs = clock.monotonicMs();
  const book = (): void => {
    const nowMs = clock.monotonicMs();
    spent[current] = (spent[current] ?? 0) + nowMs - sinceMs;
    sinceMs = nowMs;
  };
  return {
    layer: () => current,
    enter: (layer) => {
      book();
      current = layer;
    },
    timings: () => {
      book();
      return { ...spent };
    },
  };
}
