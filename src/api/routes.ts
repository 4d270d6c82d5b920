/** Schema of what applications consume: Services, ConfigMaps and Secrets. */
import { z } from 'zod';
import { DURATION_PATTERN, parseDuration } from './duration.ts';
import { duration, objectName, port, secretReference, serviceName } from './fields.ts';
import { namesAreUnique, withRules } from './rules.ts';

const NAMED_LIST = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] };

const readWriteSchema = z
  .object({
    service: serviceName('Service that leads to the primary, and to nothing while there is none.'),
    port: port('Port of the Service; members may listen on another.').default(5432),
  })
  .meta({ description: 'Route for writes.' });

const readOnlySchema = withRules(
  z.object({
    service: serviceName('Service that leads to the standbys that are fit to be read.'),
    port: port('Port of the Service; members may listen on another.').default(5432),
    maxReplayLag: duration('A standby joins when its replay lag is at most this.', { min: '0s', max: '24h' }).default(
      '10s',
    ),
    leaveLag: duration('A standby leaves when its replay lag is above this; at least maxReplayLag.', {
      min: '0s',
      max: '24h',
    }).default('15s'),
    dwell: duration('How long a standby must stay within or beyond the limit before it joins or leaves.', {
      min: '0s',
      max: '1h',
    }).default('5s'),
    whenNoneFit: z.enum(['Primary', 'LeastLagged', 'None']).default('Primary').meta({
      description: 'What the Service leads to when no standby is fit. Primary without a primary means LeastLagged.',
    }),
    prefer: z
      .enum(['Any', 'SameRegion'])
      .default('Any')
      .meta({ description: 'SameRegion: only the fit standbys in the operator’s region, as long as there is one.' }),
  }),
  { description: 'Route for reads.' },
  [
    {
      rule: `!self.maxReplayLag.matches('${DURATION_PATTERN}') || !self.leaveLag.matches('${DURATION_PATTERN}') || duration(self.leaveLag) >= duration(self.maxReplayLag)`,
      message: 'leaveLag must be at least maxReplayLag, else a standby would join and leave at once; raise leaveLag',
      fieldPath: '.leaveLag',
      holds: ({ maxReplayLag, leaveLag }) => (parseDuration(leaveLag) ?? 0) >= (parseDuration(maxReplayLag) ?? 0),
    },
  ],
);

const KEY = '^[-._a-zA-Z0-9]{1,253}$';
const KEY_REGEX = new RegExp(KEY);

const templates = (value: string, description: string) =>
  withRules(
    z
      .record(z.string(), z.string().max(4096).meta({ description: value }))
      .refine((data) => Object.keys(data).length <= 64, { message: 'must have at most 64 keys' }),
    { description, maxProperties: 64 },
    [
      {
        rule: `self.all(key, key.matches('${KEY}'))`,
        message: 'keys must consist of letters, digits, -, _ and . (253 at most); rename the key',
        holds: (data) => Object.keys(data).every((key) => KEY_REGEX.test(key)),
      },
    ],
  );

const configMapSchema = z
  .object({
    name: objectName('Name of the ConfigMap, created and kept by the operator.'),
    data: templates(
      'Mustache template; variables are listed in docs/templates.md.',
      'Keys and their Mustache templates.',
    ),
  })
  .meta({ description: 'A ConfigMap for applications to read.' });

const secretSchema = withRules(
  z.object({
    name: objectName('Name of the Secret, created and kept by the operator.'),
    readWriteCredentialsRef: secretReference(
      'Secret with keys username and password of the application’s writing role.',
    ).optional(),
    readOnlyCredentialsRef: secretReference(
      'Secret with keys username and password of the application’s reading role.',
    ).optional(),
    database: z
      .string()
      .min(1)
      .max(63)
      .optional()
      .meta({ description: 'Database in the connection strings; default: database of the resource.' }),
    formats: z
      .array(
        z
          .enum(['uri', 'jdbc-uri', 'pgpass', 'keys'])
          .meta({ description: 'uri, jdbc-uri, pgpass, or keys (host, port, database, username, password).' }),
      )
      .min(1)
      .max(4)
      .refine((formats) => new Set(formats).size === formats.length, { message: 'a format stands there twice' })
      .default(['uri'])
      .meta({
        description: 'What to write for each credentials reference: uri, jdbc-uri, pgpass, keys.',
        'x-kubernetes-list-type': 'set',
      }),
    data: templates(
      'Mustache template; also readWrite.username, readWrite.password, readOnly.username, readOnly.password.',
      'Own keys and their Mustache templates.',
    ).optional(),
  }),
  { description: 'A Secret with full connection strings, never made from the operator’s own credentials.' },
  [
    {
      rule: 'has(self.readWriteCredentialsRef) || has(self.readOnlyCredentialsRef)',
      message:
        'readWriteCredentialsRef or readOnlyCredentialsRef is required; name the Secret with the application’s login',
      reason: 'FieldValueRequired',
      holds: (secret) => secret.readWriteCredentialsRef !== undefined || secret.readOnlyCredentialsRef !== undefined,
    },
    {
      rule: '(!has(self.readWriteCredentialsRef) || self.readWriteCredentialsRef.name != self.name) && (!has(self.readOnlyCredentialsRef) || self.readOnlyCredentialsRef.name != self.name)',
      message: 'name must differ from the Secrets that it is made from; choose another name',
      fieldPath: '.name',
      holds: (secret) =>
        secret.readWriteCredentialsRef?.name !== secret.name && secret.readOnlyCredentialsRef?.name !== secret.name,
    },
  ],
);

const uniqueNames = { message: 'two entries have the same name; give each its own' };

export const routesSchema = withRules(
  z.object({
    readWrite: readWriteSchema,
    readOnly: readOnlySchema.optional(),
    configMaps: z
      .array(configMapSchema)
      .max(16)
      .refine(namesAreUnique, uniqueNames)
      .default([])
      .meta({ description: 'ConfigMaps for applications.', ...NAMED_LIST }),
    secrets: z
      .array(secretSchema)
      .max(16)
      .refine(namesAreUnique, uniqueNames)
      .default([])
      .meta({ description: 'Secrets for applications.', ...NAMED_LIST }),
  }),
  { description: 'What applications consume.' },
  [
    {
      rule: '!has(self.readOnly) || self.readOnly.service != self.readWrite.service',
      message: 'readOnly.service must differ from readWrite.service; choose two Services',
      fieldPath: '.readOnly.service',
      holds: (routes) => routes.readOnly?.service !== routes.readWrite.service,
    },
    {
      rule: 'has(self.readOnly) || self.secrets.all(secret, !has(secret.readOnlyCredentialsRef))',
      message:
        'secrets with readOnlyCredentialsRef need a route to lead to; add routes.readOnly or remove the reference',
      fieldPath: '.secrets',
      holds: (routes) =>
        routes.readOnly !== undefined || routes.secrets.every((secret) => secret.readOnlyCredentialsRef === undefined),
    },
  ],
);
