import type { ProbeOutcome } from '../api/evidence.ts';

/** What a look saw when it neither got an answer nor an authentication request. */
export type FailureOutcome = Exclude<ProbeOutcome, { kind: 'Answered' | 'Accepting' }>;

/** A failure whose outcome is known where it happened. Never leaves this room. */
export class ProbeFailure extends Error {
  readonly outcome: FailureOutcome;

  constructor(outcome: FailureOutcome) {
    super(`probe failed: ${outcome.kind}`);
    this.name = 'ProbeFailure';
    this.outcome = outcome;
  }
}

/** Abort reason of everything that a look started: its time is over, or nobody wants its answer any more. */
export class LookEnded extends Error {
  readonly why: 'Timeout' | 'Aborted';

  constructor(why: 'Timeout' | 'Aborted') {
    super(`look ended: ${why}`);
    this.name = 'LookEnded';
    this.why = why;
  }
}
