/** Rules 1xx: our own state comes first. */
import { hold, type Rule } from './rule.ts';

export const rulesOwnState: readonly Rule[] = [
  {
    id: 101,
    reason: 'AttemptUnderway',
    condition: 'an attempt is recorded and has not ended',
    effect: 'the attempt goes on',
    remedy: 'none needed; status.attempt shows the step and the next retry',
    when: (o) => o.attemptUnderway,
    outcome: () => hold('an attempt is under way; status.attempt shows its step'),
  },
  {
    id: 110,
    reason: 'ForeignEndpoints',
    condition: 'an EndpointSlice that is not ours names the read-write Service',
    effect: 'automation holds, routes stay as they are',
    remedy: 'delete the foreign slice, or point routes.readWrite.service at another Service',
    when: (o) => o.foreignEndpoints !== null,
    outcome: (o) => hold(o.foreignEndpoints ?? ''),
  },
];
