import type { Clock } from '../ports/clock.ts';
import type { MemberConnector } from '../ports/members.ts';
import type { Resolver } from '../ports/resolver.ts';
import { PostgresMemberPort } from './member-port.ts';

export interface MemberConnectorOptions {
  readonly clock: Clock;
  readonly resolver: Resolver;
}

/** Members over real connections. Nothing is opened before the first look. */
export function createMemberConnector({ clock, resolver }: MemberConnectorOptions): MemberConnector {
  return { connect: (target) => new PostgresMemberPort({ clock, resolver, target }) };
}
