import { expect, test } from 'vitest';
import { parseDatabaseFailover } from '../../../src/api/parse.ts';
import { groupSettings } from '../../../src/api/settings.ts';
import { aDatabaseFailover, type Edits } from '../../support/resources.ts';

function settings(edits: Edits, region: string | null = null) {
  const parsed = parseDatabaseFailover(aDatabaseFailover(edits));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return groupSettings(parsed.spec, region);
}

test('texts become numbers, once', () => {
  const { detection, maxLossBytes, read, region } = settings({ 'spec.failover.maxLoss': '1Gi' }, 'eu-central-1');
  expect(detection).toMatchObject({ intervalMs: 1000, timeoutMs: 3000, shutdownGraceMs: 30_000 });
  expect(maxLossBytes).toBe(2 ** 30);
  expect(read).toMatchObject({ service: 'orders-ro', maxReplayLagMs: 10_000, leaveLagMs: 15_000, dwellMs: 5000 });
  expect(region).toBe('eu-central-1');
});

test('a member is routed to and replicated from where it is looked at, unless the spec says otherwise', () => {
  const [frankfurt, virginia] = settings({
    'spec.members.1.route': { host: '10.0.0.7' },
    'spec.members.1.replication': { port: 6432 },
  }).members;
  const looked = { host: 'orders.fra.example.com', port: 5432 };
  expect(frankfurt).toMatchObject({ endpoint: looked, route: looked, routeElsewhere: false, replication: looked });
  expect(virginia).toMatchObject({
    endpoint: { host: '198.51.100.7', port: 5432 },
    route: { host: '10.0.0.7', port: 5432 },
    routeElsewhere: true,
    replication: { host: '198.51.100.7', port: 6432 },
  });
});

test('without a route for reads there is nothing to fit', () => {
  expect(settings({ 'spec.routes.readOnly': undefined }).read).toBeNull();
});
