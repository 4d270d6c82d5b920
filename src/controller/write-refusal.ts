/** Published objects that the API server would not take: told to a person, and tried again with the next look at them. */
import { RESOURCES } from '../api/resources.ts';
import type { KubeError } from '../ports/kube.ts';
import type { Problem } from '../report/input.ts';
import type { RouteWrite } from '../route/contract.ts';

export interface WriteRefusal extends Problem {
  /** `Forbidden` stays until a person acts, `WriteFailed` may heal by itself. */
  readonly reason: 'Forbidden' | 'WriteFailed';
}

/** Services and slices: where connections go. ConfigMaps and Secrets only name the Services, which stay the same. */
export function isTraffic({ resource }: RouteWrite): boolean {
  return resource.plural === RESOURCES.service.plural || resource.plural === RESOURCES.endpointSlice.plural;
}

export const writeKey = (write: RouteWrite): string => `${write.resource.kind} ${nameOf(write)}`;

export function refusalOf(write: RouteWrite, error: KubeError): WriteRefusal {
  // Whoever refuses a Secret may quote it.
  const why =
    write.resource.plural === RESOURCES.secret.plural ? `the API server answers ${error.code}` : error.message;
  return failureOf(`${writeKey(write)} could not be written`, error, why);
}

/** For a publication that could not go on at all. */
export function publicationFailure(error: KubeError): WriteRefusal {
  return failureOf('the routes could not be published', error, error.message);
}

function failureOf(what: string, error: KubeError, why: string): WriteRefusal {
  const isForbidden = error.code === 'Forbidden' || error.code === 'Unauthorized';
  return { reason: isForbidden ? 'Forbidden' : 'WriteFailed', message: `${what}: ${why}` };
}

function nameOf(write: RouteWrite): string {
  return write.kind === 'Delete' ? write.key.name : (write.object.metadata.name ?? '');
}
