/**
 * Rules across the fields of `DatabaseFailover.spec`. They stand at `spec`, because the API server checks the default
 * `{}` of an object against the rules of that object before the defaults inside it exist, and refuses the CRD.
 */
import type { Spec } from './database-failover.ts';
import { DURATION_PATTERN, parseDuration } from './duration.ts';
import { hookRules } from './hooks.ts';
import type { Rule } from './rules.ts';
import { parseSize, SIZE_PATTERN } from './size.ts';

const isDuration = (field: string) => `${field}.matches('${DURATION_PATTERN}')`;
const isSize = (field: string) => `string(${field}).matches('${SIZE_PATTERN}')`;

const detectionRule: Rule<Spec> = {
  rule: `!${isDuration('self.detection.interval')} || !${isDuration('self.detection.timeout')} || duration(self.detection.timeout).getMilliseconds() <= duration(self.detection.interval).getMilliseconds() * self.detection.failureThreshold`,
  message:
    'detection.timeout must be at most detection.interval x detection.failureThreshold; shorten the timeout or raise one of the others',
  fieldPath: '.detection.timeout',
  holds: ({ detection }) => {
    const interval = parseDuration(detection.interval);
    const timeout = parseDuration(detection.timeout);
    return interval === null || timeout === null || timeout <= interval * detection.failureThreshold;
  },
};

const unfencedRule: Rule<Spec> = {
  rule: "self.mode != 'Automatic' || size(self.members) < 2 || has(self.failover.whenUnfenced)",
  message:
    'failover.whenUnfenced is required when mode is Automatic and there are several members: set Refuse (do not promote while the old primary may still accept writes) or Proceed (promote nevertheless)',
  fieldPath: '.failover.whenUnfenced',
  reason: 'FieldValueRequired',
  holds: (spec) => spec.mode !== 'Automatic' || spec.members.length < 2 || spec.failover.whenUnfenced !== undefined,
};

const promotableRule: Rule<Spec> = {
  rule: "self.mode == 'Follow' || size(self.members) < 2 || self.members.exists(member, member.promotable)",
  message:
    'no member is promotable, so that nothing could ever be promoted; set promotable: true on at least one, or mode: Follow',
  fieldPath: '.members',
  holds: (spec) => spec.mode === 'Follow' || spec.members.length < 2 || spec.members.some((m) => m.promotable),
};

const preferenceRule: Rule<Spec> = {
  rule: `!${isSize('self.failover.maxLoss')} || !${isSize('self.failover.preferWithin')} || quantity(string(self.failover.preferWithin)).compareTo(quantity(string(self.failover.maxLoss))) <= 0`,
  message:
    'failover.preferWithin must be at most failover.maxLoss: a preferred member that far behind would lose more than is allowed; lower preferWithin or raise maxLoss',
  fieldPath: '.failover.preferWithin',
  holds: ({ failover }) => (parseSize(failover.preferWithin) ?? 0) <= (parseSize(failover.maxLoss) ?? 0),
};

const retryRule: Rule<Spec> = {
  rule: `!${isDuration('self.retry.initialDelay')} || !${isDuration('self.retry.maxDelay')} || duration(self.retry.initialDelay) <= duration(self.retry.maxDelay)`,
  message: 'retry.maxDelay must be at least retry.initialDelay; raise maxDelay or lower initialDelay',
  fieldPath: '.retry.maxDelay',
  holds: ({ retry }) => (parseDuration(retry.initialDelay) ?? 0) <= (parseDuration(retry.maxDelay) ?? 0),
};

/** The operator writes these Secrets and ConfigMaps: none of them may be one that it reads. */
const publishedSecretRule: Rule<Spec> = {
  rule: [
    'self.routes.secrets.all(secret, secret.name != self.credentials.monitor.secretRef.name',
    '(!has(self.credentials.admin) || secret.name != self.credentials.admin.secretRef.name)',
    "(!has(self.tls.caRef) || self.tls.caRef.kind != 'Secret' || secret.name != self.tls.caRef.name)",
    '(!has(self.tls.clientCertRef) || secret.name != self.tls.clientCertRef.name))',
  ].join(' && '),
  message:
    'routes.secrets may not name a Secret that credentials or tls refer to, since it would be overwritten; choose another name',
  fieldPath: '.routes.secrets',
  holds: ({ routes, credentials, tls }) => {
    const read = [
      credentials.monitor.secretRef.name,
      credentials.admin?.secretRef.name,
      tls.caRef?.kind === 'Secret' ? tls.caRef.name : undefined,
      tls.clientCertRef?.name,
    ];
    return !routes.secrets.some((secret) => read.includes(secret.name));
  },
};

const publishedConfigMapRule: Rule<Spec> = {
  rule: "!has(self.tls.caRef) || self.tls.caRef.kind != 'ConfigMap' || self.routes.configMaps.all(map, map.name != self.tls.caRef.name)",
  message:
    'routes.configMaps may not name the ConfigMap that tls.caRef refers to, since it would be overwritten; choose another name',
  fieldPath: '.routes.configMaps',
  holds: ({ routes, tls }) =>
    tls.caRef?.kind !== 'ConfigMap' || !routes.configMaps.some((map) => map.name === tls.caRef?.name),
};

const promotionRules: Rule<Spec>[] = hookRules('self.promotion', 'promotion.').map(({ holds, ...rule }) => ({
  ...rule,
  holds: (spec: Spec) => holds(spec.promotion),
}));

export const specRules: readonly Rule<Spec>[] = [
  unfencedRule,
  promotableRule,
  detectionRule,
  preferenceRule,
  retryRule,
  ...promotionRules,
  publishedSecretRule,
  publishedConfigMapRule,
];
