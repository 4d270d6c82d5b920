/** What the Services led to, at every moment: each change of an EndpointSlice that names one of them is an entry. */
import { z } from 'zod';
import { EPOCH_ANNOTATION, RESOURCES } from '../../src/api/resources.ts';
import type { KubeObject, KubePort } from '../../src/ports/kube.ts';
import { Journal } from './journal.ts';

export interface Routed {
  /** Members behind the Service, counting every slice that names it; an address that no member has stands for itself. */
  readonly readWrite: readonly string[];
  readonly readOnly: readonly string[];
  /** Highest epoch on the slices; 0: none. */
  readonly epoch: number;
  /** Monotonic ms when this was seen. */
  readonly atMs: number;
}

const sliceSchema = z.looseObject({
  endpoints: z
    .array(z.looseObject({ addresses: z.array(z.string()) }))
    .nullish()
    .transform((endpoints) => endpoints ?? []),
});

/** @param memberOf name of the member that has an address. The watch ends with the client. */
export function recordRoutes(
  kube: KubePort,
  namespace: string,
  services: { readonly readWrite: string; readonly readOnly: string },
  memberOf: ReadonlyMap<string, string>,
): Journal<Routed> {
  const routes = new Journal<Routed>(`slices in ${namespace}`);
  const slices = new Map<string, KubeObject>();
  const behind = (service: string): string[] => {
    const addresses = [...slices.values()]
      .filter((slice) => slice.metadata.labels?.['kubernetes.io/service-name'] === service)
      .flatMap((slice) => sliceSchema.parse(slice).endpoints.flatMap((endpoint) => endpoint.addresses));
    return [...new Set(addresses.map((address) => memberOf.get(address) ?? address))].sort();
  };
  kube.watch(RESOURCES.endpointSlice, namespace, {}, (event) => {
    if (event.type === 'Synced') {
      slices.clear();
      for (const slice of event.objects) slices.set(slice.metadata.name ?? '', slice);
    } else if (event.type === 'Deleted') slices.delete(event.object.metadata.name ?? '');
    else slices.set(event.object.metadata.name ?? '', event.object);
    const epochs = [...slices.values()].map((slice) => Number(slice.metadata.annotations?.[EPOCH_ANNOTATION] ?? 0));
    routes.add({
      readWrite: behind(services.readWrite),
      readOnly: behind(services.readOnly),
      epoch: Math.max(0, ...epochs),
      atMs: performance.now(),
    });
  });
  return routes;
}
