import { request } from 'node:https';

export interface ApiTarget {
  readonly server: string;
  readonly ca: string;
  readonly token: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
}

const TIMEOUT_MS = 5_000;

/** One request to the API server, for setting the world up only. Rejects when there is no answer within 5 s. */
export function apiRequest(target: ApiTarget, method: string, path: string, body?: unknown): Promise<ApiAnswer> {
  const patch = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  return new Promise((resolve, reject) => {
    const outgoing = request(
      new URL(path, target.server),
      {
        method,
        ca: target.ca,
        agent: false,
        headers: { authorization: `Bearer ${target.token}`, 'content-type': patch },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') }),
        );
        answer.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
