import { createResolver } from '../../src/dns/resolver.ts';
import type { MemberTarget, TlsMaterial } from '../../src/ports/members.ts';
import { createMemberConnector } from '../../src/postgres/member-connector.ts';
import { systemClock } from '../../src/system-clock.ts';

export const plainText: TlsMaterial = { mode: 'Disable', serverName: null, ca: null, clientCertificate: null };

export interface TargetOverrides extends Partial<Omit<MemberTarget, 'access'>> {
  readonly user?: string;
  readonly password?: string;
  readonly tls?: Partial<TlsMaterial>;
}

/** A member on loopback without TLS, unless said otherwise. */
export function memberTarget({ user, password, tls, ...rest }: TargetOverrides): MemberTarget {
  return {
    member: 'frankfurt',
    host: '127.0.0.1',
    port: 5432,
    database: 'postgres',
    ...rest,
    access: {
      kind: 'Usable',
      credentials: { user: user ?? 'monitor', password: password ?? 'secret' },
      tls: { ...plainText, ...tls },
    },
  };
}

/** Members over real connections, hosts being addresses (or names of the given DNS servers). */
export function connectMember(target: MemberTarget, servers: readonly string[] = []) {
  const resolver = createResolver({ clock: systemClock, servers, deniedCidrs: [] });
  return createMemberConnector({ clock: systemClock, resolver }).connect(target);
}

export const never: AbortSignal = new AbortController().signal;
