/** Counts the requests to the API server where they are made, whoever makes them: calls, watches, the Lease. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** undici publishes these for each request; only the Kubernetes client uses undici here. */
const ANSWERED = 'undici:request:headers';
const FAILED = 'undici:request:error';

/** Calls `count` for each answer, and with `null` for each request without one. Returns what ends it. */
export function countRequests(count: (method: string, code: number | null) => void): () => void {
  const answered = new WeakSet<object>();
  const onAnswer = (message: unknown): void => {
    const request = objectAt(message, 'request');
    const code = fieldOf(objectAt(message, 'response'), 'statusCode');
    if (request === null || typeof code !== 'number') return;
    answered.add(request);
    count(methodOf(request), code);
  };
  const onFailure = (message: unknown): void => {
    const request = objectAt(message, 'request');
    // A watch that was answered and breaks later has been counted.
    if (request !== null && !answered.has(request)) count(methodOf(request), null);
  };
  subscribe(ANSWERED, onAnswer);
  subscribe(FAILED, onFailure);
  return () => {
    unsubscribe(ANSWERED, onAnswer);
    unsubscribe(FAILED, onFailure);
  };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function objectAt(value: unknown, name: string): object | null {
  const field = fieldOf(value, name);
  return typeof field === 'object' ? field : null;
}

const methodOf = (request: object): string => String(fieldOf(request, 'method'));
