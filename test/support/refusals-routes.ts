/** Refused for how to promote, fence and retry, and for what to publish. */
import { type RefusalCase, refusal } from './refusal-case.ts';

const SECRET = { name: 'app', readWriteCredentialsRef: { name: 'app-login' } };
const JOB = { template: { spec: { template: {} } } };
const WEBHOOK = { url: 'https://hooks.example.com/promote' };

export const routesRefusals: readonly RefusalCase[] = [
  refusal(
    'promotion by a Job that is not there',
    { 'spec.promotion': { method: 'Job' } },
    'spec.promotion.job',
    'promotion.job is required when promotion.method is Job',
  ),
  refusal(
    'a promotion Job that SQL would ignore',
    { 'spec.promotion': { job: JOB } },
    'spec.promotion.job',
    'promotion.job may be set only when promotion.method is Job',
  ),
  refusal(
    'promotion by a webhook that is not there',
    { 'spec.promotion': { method: 'Webhook' } },
    'spec.promotion.webhook',
    'promotion.webhook is required when promotion.method is Webhook',
  ),
  refusal(
    'a promotion webhook that a Job would ignore',
    { 'spec.promotion': { method: 'Job', job: JOB, webhook: WEBHOOK } },
    'spec.promotion.webhook',
    'promotion.webhook may be set only when promotion.method is Webhook',
  ),
  refusal(
    'a Job without spec',
    { 'spec.promotion': { method: 'Job', job: { template: {} } } },
    'spec.promotion.job.template.spec',
    'Required value',
    'expected object',
  ),
  refusal(
    'a webhook without TLS',
    { 'spec.fencing': [{ method: 'Webhook', webhook: { url: 'http://hooks.example.com' } }] },
    'spec.fencing[0].webhook.url',
    'must be an https:// address without user or password',
  ),
  refusal(
    'a webhook with a password',
    { 'spec.fencing': [{ method: 'Webhook', webhook: { url: 'https://u:p@hooks.example.com/' } }] },
    'spec.fencing[0].webhook.url',
    'put the key into secretRef',
  ),
  refusal(
    'a fencing rung without its Job',
    { 'spec.fencing': [{ method: 'Job' }] },
    'spec.fencing[0].job',
    'job is required when method is Job',
  ),
  refusal(
    'a fencing rung with both',
    { 'spec.fencing': [{ method: 'Webhook', webhook: WEBHOOK, job: JOB }] },
    'spec.fencing[0].job',
    'job may be set only when method is Job',
  ),
  refusal(
    'nine fencing rungs',
    { 'spec.fencing': Array.from({ length: 9 }, () => ({ method: 'Webhook', webhook: WEBHOOK })) },
    'spec.fencing',
    'must have at most 8 items',
    'Too big',
  ),

  refusal(
    'retry.factor 11',
    { 'spec.retry': { factor: 11 } },
    'spec.retry.factor',
    'should be less than or equal to 10',
    'Too big',
  ),
  refusal(
    'retry.factor 1.5',
    { 'spec.retry': { factor: 1.5 } },
    'spec.retry.factor',
    'must be of type integer',
    'expected int',
  ),
  refusal(
    'retry.jitter 1.5',
    { 'spec.retry': { jitter: 1.5 } },
    'spec.retry.jitter',
    'should be less than or equal to 1',
    'Too big',
  ),
  refusal(
    'retry.maxDelay below initialDelay',
    { 'spec.retry': { initialDelay: '2s', maxDelay: '1s' } },
    'spec.retry.maxDelay',
    'retry.maxDelay must be at least retry.initialDelay',
  ),

  refusal(
    'one Service for reads and writes',
    { 'spec.routes.readOnly.service': 'orders-rw' },
    'spec.routes.readOnly.service',
    'readOnly.service must differ from readWrite.service; choose two Services',
  ),
  refusal(
    'a Service name that starts with a digit',
    { 'spec.routes.readWrite.service': '1-rw' },
    'spec.routes.readWrite.service',
    'should match',
    'must match',
  ),
  refusal(
    'leaveLag below maxReplayLag',
    { 'spec.routes.readOnly.leaveLag': '9s' },
    'spec.routes.readOnly.leaveLag',
    'leaveLag must be at least maxReplayLag',
  ),
  refusal(
    'two ConfigMaps of one name',
    {
      'spec.routes.configMaps': [
        { name: 'a', data: { K: 'v' } },
        { name: 'a', data: { K: 'v' } },
      ],
    },
    'spec.routes.configMaps[1]',
    'Duplicate value: {"name":"a"}',
    'two entries have the same name',
  ),
  refusal(
    'two Secrets of one name',
    { 'spec.routes.secrets': [SECRET, SECRET] },
    'spec.routes.secrets[1]',
    'Duplicate value: {"name":"app"}',
    'two entries have the same name',
  ),
  refusal(
    'a ConfigMap key with a space',
    { 'spec.routes.configMaps': [{ name: 'a', data: { 'MY KEY': 'v' } }] },
    'spec.routes.configMaps[0].data',
    'rename the key',
  ),
  refusal(
    'sixty-five keys',
    {
      'spec.routes.configMaps': [
        { name: 'a', data: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`K${i}`, 'v'])) },
      ],
    },
    'spec.routes.configMaps[0].data',
    'must have at most 64',
    'must have at most 64 keys',
  ),
  refusal(
    'a template of 4097 characters',
    { 'spec.routes.configMaps': [{ name: 'a', data: { K: 'x'.repeat(4097) } }] },
    'spec.routes.configMaps[0].data.K',
    'may not be more than 4096',
    'Too big',
  ),
  refusal(
    'a published Secret without a login',
    { 'spec.routes.secrets': [{ name: 'app' }] },
    'spec.routes.secrets[0]',
    'readWriteCredentialsRef or readOnlyCredentialsRef is required',
  ),
  refusal(
    'a published Secret over its own source',
    { 'spec.routes.secrets': [{ ...SECRET, name: 'app-login' }] },
    'spec.routes.secrets[0].name',
    'name must differ from the Secrets that it is made from',
  ),
  refusal(
    'a published Secret over the operator’s',
    { 'spec.routes.secrets': [{ ...SECRET, name: 'orders-monitor' }] },
    'spec.routes.secrets',
    'routes.secrets may not name a Secret that credentials or tls refer to',
  ),
  refusal(
    'a published ConfigMap over the authorities',
    { 'spec.tls': { caRef: { name: 'ca' } }, 'spec.routes.configMaps': [{ name: 'ca', data: { K: 'v' } }] },
    'spec.routes.configMaps',
    'routes.configMaps may not name the ConfigMap that tls.caRef refers to',
  ),
  refusal(
    'a reading login without a route for reads',
    {
      'spec.routes.readOnly': undefined,
      'spec.routes.secrets': [{ name: 'app', readOnlyCredentialsRef: { name: 'login' } }],
    },
    'spec.routes.secrets',
    'add routes.readOnly or remove the reference',
  ),
  refusal(
    'a format twice',
    { 'spec.routes.secrets': [{ ...SECRET, formats: ['uri', 'uri'] }] },
    'spec.routes.secrets[0].formats[1]',
    'Duplicate value: "uri"',
    'a format stands there twice',
  ),
];
