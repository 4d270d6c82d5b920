import type { AnsweredAddress, MemberFacts } from '../api/evidence.ts';
import type { Clock } from '../ports/clock.ts';
import type { ResolvedAddress } from '../ports/resolver.ts';

/** Addresses at which one member answered last, as one run of one cluster; at most one per family. */
export class AnsweredAddresses {
  readonly #clock: Clock;
  #identity = '';
  #all: readonly AnsweredAddress[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** In one order, whichever family the session happens to use: what prefers the first must not swing. */
  get all(): readonly AnsweredAddress[] {
    return this.#all;
  }

  has(address: string): boolean {
    return this.#all.some((entry) => entry.address === address);
  }

  /** A standing look says nothing about the other family. */
  noteStanding(facts: MemberFacts, from: ResolvedAddress): void {
    this.#note(facts, [from], () => true);
  }

  /** `rejected`: where PostgreSQL spoke and had no connection for us; what answered there before still lives. */
  noteFresh(facts: MemberFacts, from: readonly ResolvedAddress[], rejected: ReadonlySet<string>): void {
    this.#note(facts, from, (address) => rejected.has(address));
  }

  /** Those that the name does not list any more are forgotten. */
  keepOnly(listed: readonly ResolvedAddress[]): void {
    if (this.#all.every(({ address }) => isAmong(listed, address))) return;
    this.#all = this.#all.filter(({ address }) => isAmong(listed, address));
  }

  forget(): void {
    this.#all = [];
  }

  /** Those that answered before go first, so that a name with many records does not make us wander. */
  preferred(addresses: readonly ResolvedAddress[]): readonly ResolvedAddress[] {
    const place = (address: string): number => {
      const index = this.#all.findIndex((entry) => entry.address === address);
      return index === -1 ? this.#all.length : index;
    };
    return [...addresses].sort((a, b) => place(a.address) - place(b.address));
  }

  #note(facts: MemberFacts, from: readonly ResolvedAddress[], isStillGood: (address: string) => boolean): void {
    const identity = `${facts.systemIdentifier} ${facts.startedAt}`;
    const atMs = this.#clock.monotonicMs();
    const now = from.map(({ family, address }) => ({ family, address, atMs }));
    const others = identity === this.#identity ? this.#all : [];
    const kept = others.filter(
      (entry) => now.every(({ family }) => family !== entry.family) && isStillGood(entry.address),
    );
    this.#all = [...now, ...kept].sort((a, b) => a.family.localeCompare(b.family));
    this.#identity = identity;
  }
}

const isAmong = (listed: readonly ResolvedAddress[], address: string): boolean =>
  listed.some((entry) => entry.address === address);
