/** Field types that several schemas share. Each carries the bound and the sentence that the API server shows. */
import { z } from 'zod';
import { DURATION_PATTERN, durationMs, parseDuration } from './duration.ts';
import { withRules } from './rules.ts';
import { parseSize, SIZE_PATTERN } from './size.ts';

export const DNS_LABEL = '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$';
/** Names of Services start with a letter (RFC 1035), unlike other names. */
const SERVICE_NAME = '^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$';
export const DNS_NAME = '^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$';
/** A DNS name or an address in either family; what it resolves to is checked where it is used. */
export const HOST = '^[A-Za-z0-9_:]([-A-Za-z0-9_.:%]{0,251}[A-Za-z0-9_.:])?$';

/** Largest size: far above any WAL gap, far below 2^53. */
const MAX_SIZE = '1024Ti';
const MAX_SIZE_BYTES = 2 ** 50;

/**
 * A duration such as `500ms` or `2s`, with inclusive bounds. The pattern is checked by CEL with our own message,
 * because the API server's `format: duration` accepts `1 day`, and its own message for a pattern only repeats the
 * expression. `duration()` follows only where the pattern matched, so that a bad one never fails as an expression.
 */
export const duration = (description: string, bounds: { readonly min: string; readonly max: string }) => {
  const minMs = durationMs(bounds.min);
  const maxMs = durationMs(bounds.max);
  return withRules(z.string().max(32), { description: `${description} From ${bounds.min} to ${bounds.max}.` }, [
    {
      rule: `self.matches('${DURATION_PATTERN}')`,
      message: 'must be a duration such as 500ms, 2s or 1m30s',
      holds: (text) => parseDuration(text) !== null,
    },
    {
      rule: `!self.matches('${DURATION_PATTERN}') || (duration(self) >= duration('${bounds.min}') && duration(self) <= duration('${bounds.max}'))`,
      message: `must be from ${bounds.min} to ${bounds.max}`,
      holds: (text) => {
        const ms = parseDuration(text);
        return ms === null || (ms >= minMs && ms <= maxMs);
      },
    },
  ]);
};

const SIZE_MESSAGE = `must be bytes or a size such as 512Ki, 16Mi or 1Gi, from 0 to ${MAX_SIZE}`;

/** A size in bytes: an integer, or a string with a binary suffix. */
export const size = (description: string) =>
  withRules(
    z.union([z.int().min(0).max(MAX_SIZE_BYTES), z.string().max(24).regex(new RegExp(SIZE_PATTERN))], {
      error: SIZE_MESSAGE,
    }),
    {
      description: `${description} Bytes, or a size such as 512Ki, 16Mi or 1Gi.`,
      'x-kubernetes-int-or-string': true,
      pattern: SIZE_PATTERN,
      maxLength: 24,
      minimum: 0,
      maximum: MAX_SIZE_BYTES,
    },
    [
      {
        rule: `string(self).matches('${SIZE_PATTERN}') && quantity(string(self)).compareTo(quantity('${MAX_SIZE}')) <= 0`,
        message: SIZE_MESSAGE,
        holds: (value) => (parseSize(value) ?? Number.POSITIVE_INFINITY) <= MAX_SIZE_BYTES,
      },
    ],
  );

/** Epochs, timelines, byte counts: whole numbers that stay exact in JSON. */
export const count = (description: string) => z.int().min(0).max(Number.MAX_SAFE_INTEGER).meta({ description });
export const port = (description: string) => z.int().min(1).max(65535).meta({ description });
export const host = (description: string) => z.string().min(1).max(253).regex(new RegExp(HOST)).meta({ description });
export const memberName = (description: string) =>
  z.string().min(1).max(63).regex(new RegExp(DNS_LABEL)).meta({ description });
export const objectName = (description: string) =>
  z.string().min(1).max(253).regex(new RegExp(DNS_NAME)).meta({ description });
export const serviceName = (description: string) =>
  z.string().min(1).max(63).regex(new RegExp(SERVICE_NAME)).meta({ description });

/** A moment as RFC 3339 text. */
export const time = (description: string) => z.string().max(64).meta({ description, format: 'date-time' });

/** A key of a Secret or ConfigMap. */
export const dataKey = (description: string) =>
  z
    .string()
    .min(1)
    .max(253)
    .regex(/^[-._a-zA-Z0-9]+$/)
    .meta({ description });

export const secretReference = (description: string) =>
  z.object({ name: objectName('Name of the Secret, in the namespace of this resource.') }).meta({ description });

/** Where a PEM bundle of certificate authorities stands. */
export const authorityReference = (description: string) =>
  z
    .object({
      kind: z
        .enum(['ConfigMap', 'Secret'])
        .default('ConfigMap')
        .meta({ description: 'Kind of the object: ConfigMap or Secret.' }),
      name: objectName('Name of the object, in the namespace of this resource.'),
      key: dataKey('Key in its data that holds the PEM bundle.').default('ca.crt'),
    })
    .meta({ description });

export const clientCertificateReference = (description: string) =>
  z
    .object({
      name: objectName(
        'Name of a Secret of type kubernetes.io/tls (keys tls.crt and tls.key), in the namespace of this resource.',
      ),
    })
    .meta({ description });
