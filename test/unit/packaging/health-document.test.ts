import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repository } from '../../../hack/generate/generated-file.ts';
import { groupHealth, overallHealth } from '../../../src/report/health.ts';
import { healthy, readSettings } from '../../support/report-input.ts';
import { dead, primary, settings, standby } from '../../support/views.ts';

const examples: readonly unknown[] = [
  ...readFileSync(join(repository, 'docs/metrics.md'), 'utf8').matchAll(/```json\n([\s\S]*?)```/g),
].map(([, text = '']): unknown => JSON.parse(text));

const group = (name: string, frankfurt = primary('frankfurt')) =>
  groupHealth({
    namespace: 'shop',
    name,
    settings: settings(['frankfurt', 'virginia'], { read: readSettings }),
    views: [frankfurt, standby('virginia')],
    published: { epoch: 7, primary: 'frankfurt', readers: ['virginia'] },
    decision: { ...healthy, message: 'frankfurt is the primary and answers' },
    splitBrain: false,
  });

test('docs/metrics.md shows what /health/{namespace}/{name} answers', () => {
  expect(examples[0]).toEqual(group('orders').body);
});

test('docs/metrics.md shows what /health answers', () => {
  const down = group('orders', dead('frankfurt'));
  expect(examples[1]).toEqual(overallHealth([down.body, group('invoices').body]).body);
  expect(down.code).toBe(503);
});
