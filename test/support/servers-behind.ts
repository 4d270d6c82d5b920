import type { KubeObject } from '../../src/ports/kube.ts';
import { observeSlice } from '../../src/route/observed-objects.ts';
import { serversOf } from '../../src/route/slice-order.ts';

/** Every server behind a Service, over all slices that name it, ours or not: `address port` each, sorted. */
export function serversBehind(slices: readonly KubeObject[], service: string): readonly string[] {
  const all = slices.map(observeSlice).filter((slice) => slice.service === service);
  return [...new Set(all.flatMap(serversOf))].sort();
}
