import type { Clock } from '../ports/clock.ts';
import { KubeError } from '../ports/kube.ts';

/**
 * Settles after `ms` at the latest, whatever `work` does: the signal that `work` gets aborts first, then the promise
 * rejects with `Unavailable`. The caller's own abort does the same at once.
 */
export async function withDeadline<T>(
  clock: Clock,
  limit: { readonly ms: number; readonly signal: AbortSignal; readonly what: string },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const giveUp = (error: KubeError): void => {
    reject(error);
    controller.abort(error);
  };
  const onAbort = (): void => giveUp(callerGaveUp(limit.what, limit.signal));
  if (limit.signal.aborted) throw callerGaveUp(limit.what, limit.signal);
  limit.signal.addEventListener('abort', onAbort, { once: true });
  const cancel = clock.after(limit.ms, () =>
    giveUp(new KubeError('Unavailable', `${limit.what}: no answer within ${limit.ms} ms`)),
  );
  try {
    return await Promise.race([givenUp, work(controller.signal)]);
  } finally {
    cancel();
    limit.signal.removeEventListener('abort', onAbort);
  }
}

function callerGaveUp(what: string, signal: AbortSignal): KubeError {
  return new KubeError('Unavailable', `${what}: given up by the caller`, null, { cause: signal.reason });
}
