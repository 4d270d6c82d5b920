/** The state of `track.ts`: everything that is remembered of one member. */
import type { AnsweredAddress, MemberFacts } from '../api/evidence.ts';
import type { MemberSettings } from '../api/settings.ts';
import { type IdentityMemory, noIdentity } from './track-identity.ts';
import type { OrderlyStop } from './track-stop.ts';
import { noStream, type StreamTrack } from './track-stream.ts';
import type { Trouble } from './track-trouble.ts';

export interface Answer {
  readonly facts: MemberFacts;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly answered: readonly AnsweredAddress[];
  /** End of the first look in a row that found it accepting writes; null when this one did not. */
  readonly writableSinceMs: number | null;
}

/** What the schedule needs of a look; `accepted`: a bare startup exchange that was answered. */
export interface LookTime {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly accepted: boolean;
}

export interface Track {
  readonly member: MemberSettings;
  /** Position in the spec; spreads the fresh looks of a group. */
  readonly index: number;
  readonly lastSequence: number;
  /** A look has ended that was about the member. */
  readonly asked: boolean;
  readonly sessionAlive: boolean;
  readonly last: LookTime | null;
  readonly lastStanding: LookTime | null;
  readonly lastNew: LookTime | null;
  readonly lastFresh: LookTime | null;
  /** Monotonic ms of a doubt that no fresh look has answered yet. */
  readonly doubtAtMs: number | null;
  readonly answer: Answer | null;
  readonly trouble: Trouble | null;
  readonly stop: OrderlyStop | null;
  readonly startingSinceMs: number | null;
  readonly dead: 'Run' | 'Flapping' | null;
  /** Good looks in a row while dead. */
  readonly goodLooks: number;
  /** Unanswered new connections since it is dead, or since the last sign of life: the exponent of the backoff. */
  readonly unheard: number;
  /** The flapping window, oldest first: true = counted toward dead. */
  readonly recent: readonly boolean[];
  readonly identity: IdentityMemory;
  readonly stream: StreamTrack;
}

/** `index`: the member's position in the spec. Its first look is due at once. */
export function newTrack(member: MemberSettings, index: number): Track {
  return {
    member,
    index,
    lastSequence: -1,
    asked: false,
    sessionAlive: false,
    last: null,
    lastStanding: null,
    lastNew: null,
    lastFresh: null,
    doubtAtMs: null,
    answer: null,
    trouble: null,
    stop: null,
    startingSinceMs: null,
    dead: null,
    goodLooks: 0,
    unheard: 0,
    recent: [],
    identity: noIdentity,
    stream: noStream,
  };
}
