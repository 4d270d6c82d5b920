import { API_VERSION, GROUP, MANAGED_BY, MANAGED_BY_LABEL, RESOURCES } from '../api/resources.ts';
import type { KubeEvent, KubeObject } from '../ports/kube.ts';
import { microTime } from './micro-time.ts';

/** The API server refuses longer ones (bytes of UTF-8). */
const NOTE_LIMIT_BYTES = 1024;
/** Limit of `reportingInstance`, `reason` and `action`. */
const WORD_LIMIT = 128;
const ELLIPSIS = '…';

/** What makes two events the same: then they are counted, not repeated. */
export function seriesKey(event: KubeEvent): string {
  const { metadata, kind } = event.regarding;
  const object = metadata.uid ?? `${metadata.namespace}/${metadata.name}`;
  return JSON.stringify([kind, object, event.type, event.reason, event.action, event.note]);
}

/** An events.k8s.io/v1 Event, with a series when it was seen more than once already. */
export function eventObject(
  event: KubeEvent,
  seen: {
    readonly name: string;
    readonly instance: string;
    readonly firstAt: number;
    readonly lastAt: number;
    readonly count: number;
  },
): KubeObject {
  const { apiVersion, kind, metadata } = event.regarding;
  const namespace = metadata.namespace ?? 'default';
  return {
    apiVersion: `${RESOURCES.event.group}/${RESOURCES.event.version}`,
    kind: RESOURCES.event.kind,
    metadata: { name: seen.name, namespace, labels: { [MANAGED_BY_LABEL]: MANAGED_BY } },
    eventTime: microTime(seen.firstAt),
    reportingController: `${GROUP}/${MANAGED_BY}`,
    reportingInstance: seen.instance.slice(0, WORD_LIMIT),
    regarding: {
      apiVersion: apiVersion || API_VERSION,
      kind,
      namespace: metadata.namespace,
      name: metadata.name,
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
    },
    type: event.type,
    reason: event.reason.slice(0, WORD_LIMIT),
    action: event.action.slice(0, WORD_LIMIT),
    note: truncateBytes(event.note, NOTE_LIMIT_BYTES),
    ...(seen.count > 1 ? seriesPatch(seen.count, seen.lastAt) : {}),
  };
}

/** The only part of an Event that may change. */
export function seriesPatch(count: number, lastAt: number): { series: { count: number; lastObservedTime: string } } {
  return { series: { count, lastObservedTime: microTime(lastAt) } };
}

/** At most `limit` bytes of UTF-8, whole characters, ending in an ellipsis when something is missing. */
export function truncateBytes(text: string, limit: number): string {
  if (Buffer.byteLength(text) <= limit) return text;
  let kept = '';
  let size = Buffer.byteLength(ELLIPSIS);
  for (const character of text) {
    size += Buffer.byteLength(character);
    if (size > limit) break;
    kept += character;
  }
  return `${kept}${ELLIPSIS}`;
}
