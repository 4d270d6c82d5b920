import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type CertificateAuthority, createAuthority, type PemPair } from '../../hack/world/certificates.ts';
import { type PostgresGroup, type PostgresMember, startPostgresGroup } from '../../hack/world/postgres-group.ts';
import { readWorld } from '../../hack/world/world-description.ts';
import type { TlsMaterial } from '../../src/ports/members.ts';
import { createMonitor, type Observer, observe } from '../support/member-looks.ts';

const DAY_MS = 86_400_000;
const WAIT = { timeout: 10_000 };

describe.each([15, 18] as const)('TLS of PostgreSQL %i', (version) => {
  let authority: CertificateAuthority;
  let stranger: CertificateAuthority;
  let good: PemPair;
  let group: PostgresGroup;
  let primary: PostgresMember;
  const observers: Observer[] = [];

  /** The member by its name, as certificates know it. */
  const observing = (tls: Partial<TlsMaterial>, overrides = {}): Observer => {
    const named = {
      host: primary.host,
      tls: { mode: 'VerifyFull', ca: authority.cert, ...tls },
      ...overrides,
    } as const;
    const observer = observe(primary, named, [readWorld().dnsServer]);
    observers.push(observer);
    return observer;
  };
  const serve = async (pair: PemPair | null, hba?: readonly string[]): Promise<void> => {
    const tls = pair === null ? null : { ...pair, clientCa: authority.cert };
    await primary.reconfigure({ tls, hba: hba ?? ['host all all all scram-sha-256'] });
  };

  beforeAll(async () => {
    authority = await createAuthority('trusted');
    stranger = await createAuthority('stranger');
    const names = [`m1.tls${version}.test`];
    good = await authority.issueServer(names);
    const tls = () => ({ ...good, clientCa: authority.cert });
    group = await startPostgresGroup(readWorld(), { name: `tls${version}`, members: 1, version, tls });
    primary = group.member('m1');
    await createMonitor(primary);
  });

  afterAll(() => group?.discard());

  afterEach(async () => {
    for (const { port } of observers.splice(0)) port.close();
    await serve(good);
    await vi.waitFor(async () => expect(await observing({}).outcome('Startup')).toEqual({ kind: 'Accepting' }), WAIT);
    for (const { port } of observers.splice(0)) port.close();
  });

  /** A reload takes effect in the postmaster a moment after the signal. */
  const expectOutcome = async (tls: Partial<TlsMaterial>, outcome: object, overrides = {}): Promise<void> => {
    await vi.waitFor(async () => {
      const observer = observing(tls, overrides);
      expect(await observer.outcome('Fresh')).toMatchObject(outcome);
      observer.port.close();
    }, WAIT);
  };

  test('VerifyFull accepts the right certificate, and the session is encrypted', async () => {
    const watching = observing({});
    const evidence = await watching.look('Fresh');
    expect(evidence.outcome.kind).toBe('Answered');
    expect(Object.keys(evidence.timings)).toEqual(['resolve', 'tcp', 'tls', 'startup', 'auth', 'sql']);
    const [row] = await primary.sql(
      "SELECT bool_and(ssl) AS encrypted FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'monitor'",
    );
    expect(row?.encrypted).toBe(true);
    expect(await watching.outcome('Startup')).toEqual({ kind: 'Accepting' });
  });

  const answered = { kind: 'Answered' };
  const failed = (why: string) => ({ kind: 'TlsFailed', why });

  test.each([
    ['Disable', answered],
    ['Require', answered],
    ['VerifyCA', answered],
    ['VerifyFull', failed('WrongName')],
  ] as const)('a certificate for another name, mode %s', async (mode, outcome) => {
    await serve(await authority.issueServer(['elsewhere.test']));
    await expectOutcome({ mode }, outcome);
  });

  test.each([
    ['Require', answered],
    ['VerifyCA', failed('UntrustedCa')],
    ['VerifyFull', failed('UntrustedCa')],
  ] as const)("a stranger's certificate, mode %s", async (mode, outcome) => {
    await serve(await stranger.issueServer([primary.host]));
    await expectOutcome({ mode }, outcome);
  });

  test.each([
    ['Require', answered],
    ['VerifyCA', failed('Expired')],
    ['VerifyFull', failed('Expired')],
  ] as const)('an expired certificate, mode %s', async (mode, outcome) => {
    await serve(await authority.issueServer([primary.host], { notAfter: new Date(Date.now() - DAY_MS) }));
    await expectOutcome({ mode }, outcome);
  });

  test.each(['Require', 'VerifyCA', 'VerifyFull'] as const)('a server without TLS, mode %s', async (mode) => {
    await serve(null);
    await primary.reconfigure({ settings: { ssl: 'off' } });
    await expectOutcome({ mode }, failed('NotOffered'));
    await primary.reconfigure({ settings: { ssl: '' } });
  });

  test('serverName replaces the host as the name to find, for a host that is an address too', async () => {
    await serve(await authority.issueServer(['db.internal']));
    await expectOutcome({ serverName: 'db.internal' }, answered);
    await expectOutcome({ serverName: 'db.internal' }, answered, { host: primary.address });
    await expectOutcome({ serverName: 'other.internal' }, failed('WrongName'));
  });

  test('an address as host is looked for among the addresses of the certificate', async () => {
    await serve(await authority.issueServer([primary.address]));
    await expectOutcome({}, answered, { host: primary.address });
    await serve(await authority.issueServer([primary.host]));
    await expectOutcome({}, failed('WrongName'), { host: primary.address });
  });

  test("the system's authorities do not know a private one", async () => {
    await expectOutcome({ ca: null }, failed('UntrustedCa'));
  });

  test('a client certificate that pg_hba.conf asks for', async () => {
    await serve(good, ['hostssl all all all cert']);
    await expectOutcome({}, { kind: 'Rejected', sqlState: '28000' });
    await expectOutcome({ clientCertificate: await authority.issueClient('monitor') }, answered);
    await expectOutcome({ clientCertificate: await authority.issueClient('monitor') }, answered, { password: '' });
    await expectOutcome(
      { clientCertificate: await authority.issueClient('other') },
      { kind: 'Rejected', sqlState: '28000' },
    );
    const expired = await authority.issueClient('monitor', { notAfter: new Date(Date.now() - DAY_MS) });
    await expectOutcome({ clientCertificate: expired }, failed('ClientCertificate'));
    await expectOutcome({ clientCertificate: await stranger.issueClient('monitor') }, failed('ClientCertificate'));
  });

  test('a client certificate with the key of another is refused before anything is sent', async () => {
    const [one, two] = [await authority.issueClient('monitor'), await authority.issueClient('monitor')];
    const watching = observing({ clientCertificate: { cert: one.cert, key: two.key } });
    const { outcome, address } = await watching.look('Fresh');
    expect(outcome).toMatchObject(failed('ClientCertificate'));
    expect(JSON.stringify(outcome)).not.toContain('BEGIN');
    expect(address).toBeNull();
  });

  describe('rotation without restart', () => {
    test('a new password is used by the next look, and no look in between is rejected', async () => {
      const watching = observing({});
      expect((await watching.look('Fresh')).outcome.kind).toBe('Answered');
      await primary.sql("ALTER ROLE monitor PASSWORD 'rotated'");
      expect((await watching.look('Standing')).outcome.kind).toBe('Answered');
      const named = { host: primary.host, tls: { mode: 'VerifyFull', ca: authority.cert } } as const;
      watching.retarget({ ...named, password: 'rotated' });
      const evidence = await watching.look('Standing');
      expect(evidence).toMatchObject({ probe: 'Fresh', outcome: answered, sessionLost: null, sessionAlive: true });
      await primary.sql("ALTER ROLE monitor PASSWORD 'monitor-secret'");
    });

    test('a new authority is used by the next look', async () => {
      const watching = observing({});
      expect((await watching.look('Fresh')).outcome.kind).toBe('Answered');
      await serve(await stranger.issueServer([primary.host]));
      await vi.waitFor(async () => expect(await watching.outcome('Fresh')).toMatchObject(failed('UntrustedCa')), WAIT);
      expect(await watching.look('Standing')).toMatchObject({ probe: 'Standing', outcome: answered });
      watching.retarget({ tls: { mode: 'VerifyFull', ca: `${authority.cert}\n${stranger.cert}` } });
      expect(await watching.look('Standing')).toMatchObject({ probe: 'Fresh', outcome: answered, sessionLost: null });
    });

    test('a new client certificate is used by the next look', async () => {
      await serve(good, ['hostssl all all all cert']);
      const watching = observing({ clientCertificate: await stranger.issueClient('monitor') });
      await vi.waitFor(
        async () => expect(await watching.outcome('Fresh')).toMatchObject(failed('ClientCertificate')),
        WAIT,
      );
      const clientCertificate = await authority.issueClient('monitor');
      watching.retarget({ tls: { mode: 'VerifyFull', ca: authority.cert, clientCertificate } });
      expect(await watching.outcome('Fresh')).toMatchObject(answered);
    });

    test('the same target again keeps the session', async () => {
      const watching = observing({});
      await watching.look('Fresh');
      watching.retarget({ tls: { mode: 'VerifyFull', ca: authority.cert } });
      expect(await watching.look('Standing')).toMatchObject({ probe: 'Standing', outcome: answered });
    });
  });
});
