/** Field types that several schemas share. Each carries the bound and the sentence that the API server shows. */
import { z } from 'zod';
import { DURATION_PATTERN } from './duration.ts';
import { SIZE_PATTERN } from './size.ts';

/** One CEL rule as CRDs write it (`x-kubernetes-validations`). */
export interface ValidationRule {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
}

export const DNS_LABEL = '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$';
export const DNS_NAME = '^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$';
/** A DNS name or an address in either family; what it resolves to is checked where it is used. */
export const HOST = '^[A-Za-z0-9_:]([-A-Za-z0-9_.:%]{0,251}[A-Za-z0-9_.:])?$';

/**
 * A duration such as `500ms` or `2s`. The pattern is checked by CEL with our own message, because the API server's
 * `format: duration` accepts `1 day`, and its own message for a pattern only repeats the expression.
 */
export const duration = (description: string) =>
  z
    .string()
    .max(32)
    .meta({
      description,
      'x-kubernetes-validations': [
        { rule: `self.matches('${DURATION_PATTERN}')`, message: 'must be a duration such as 500ms, 2s or 1m30s' },
      ] satisfies ValidationRule[],
    });

export const size = (description: string) =>
  z
    .union([z.int().min(0).max(Number.MAX_SAFE_INTEGER), z.string().max(24).regex(new RegExp(SIZE_PATTERN))])
    .meta({ description, 'x-kubernetes-int-or-string': true, pattern: SIZE_PATTERN });

export const port = (description: string) => z.int().min(1).max(65535).meta({ description });
export const host = (description: string) => z.string().min(1).max(253).regex(new RegExp(HOST)).meta({ description });
export const objectName = (description: string) =>
  z.string().min(1).max(253).regex(new RegExp(DNS_NAME)).meta({ description });
export const serviceName = (description: string) =>
  z.string().min(1).max(63).regex(new RegExp(DNS_LABEL)).meta({ description });

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
      kind: z.enum(['ConfigMap', 'Secret']).default('ConfigMap').meta({ description: 'ConfigMap or Secret.' }),
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
