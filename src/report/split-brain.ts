/** Condition `SplitBrain` and the words for it. */
import type { Status } from '../api/status.ts';
import { listed } from './wording.ts';

export type SplitBrainRecord = NonNullable<Status['splitBrain']>;

export function splitBrainMessage({ members, since }: SplitBrainRecord): string {
  return (
    `${listed(members)} accept writes and no recorded attempt explains it; since ${since}; the routes are frozen. ` +
    'It ends when all but one of them are seen in recovery, read-only or refusing connections; ' +
    'to choose yourself, create a FailoverRequest of kind ForceRoute with the member to keep'
  );
}
