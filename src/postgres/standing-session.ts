import type { ResolvedAddress } from '../ports/resolver.ts';
import type { FailureOutcome } from './probe-failure.ts';
import { endsSession, type Session } from './session.ts';

export interface Standing {
  readonly session: Session;
  readonly at: ResolvedAddress;
  /** The look's bound that the session's settings were made for. */
  settingsForMs: number;
}

/** The one session of a member that stays open, and what became of it. */
export class StandingSession {
  readonly #listeners: (() => void)[] = [];
  #standing: Standing | null = null;
  #isAsked = false;
  #lost: string | null = null;

  /** The open session; null when there is none (any more). */
  get current(): Standing | null {
    return this.#standing?.session.isOpen() === true ? this.#standing : null;
  }

  /** Takes the session over; the one before it, if any, is closed. */
  adopt(standing: Standing): void {
    this.drop();
    this.#standing = standing;
    standing.session.onLost((code) => {
      if (this.#standing !== standing) return;
      this.#standing = null;
      this.#lost = code;
      if (this.#isAsked) return;
      for (const listener of this.#listeners) listener();
    });
  }

  /** We end it: nothing is lost. */
  drop(): void {
    this.#standing?.session.close();
    this.#standing = null;
  }

  /** Runs a look on the session; a loss meanwhile is that look's own news, and listeners are not told. */
  async ask<T>(look: () => Promise<T>): Promise<T> {
    this.#isAsked = true;
    try {
      return await look();
    } finally {
      this.#isAsked = false;
    }
  }

  /** A look on `standing` failed: whatever state it is in, the next look opens another. */
  dropFailed(standing: Standing, outcome: FailureOutcome): void {
    if (this.#standing !== standing) return;
    this.drop();
    if (outcome.kind === 'Rejected' && endsSession(outcome.sqlState)) this.#lost = outcome.sqlState;
    if (outcome.kind === 'NoAnswer' && outcome.why === 'Reset') this.#lost = 'Reset';
  }

  /** What ended the session since this was asked last: a SQLSTATE or `Reset`; null: nothing did. */
  takeLost(): string | null {
    const lost = this.#lost;
    this.#lost = null;
    return lost;
  }

  onLost(listener: () => void): void {
    this.#listeners.push(listener);
  }
}
