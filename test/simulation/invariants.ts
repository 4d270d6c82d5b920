/** Watches a story and names every invariant that breaks, from what is really published and what the servers really are. */
import type { FakeServer } from '../support/fake-members.ts';
import type { Published, World } from '../support/fake-world.ts';

export interface Witness {
  /** Looks at every change since the last look; call it often. */
  look(): void;
  note(problem: string): void;
  broken(): readonly string[];
}

/** Evidence is this old at most when a route is written on it: a last look, a few writes, their retries. */
const EVIDENCE_MS = 3000;

export function createWitness(world: World, servers: readonly FakeServer[], say: (text: string) => void): Witness {
  const broken: string[] = [];
  const writableAt = new Map<string, number>();
  const goneAt = new Map<string, number>();
  const upAt = new Map<string, number>();
  let taken: { readonly from: string; readonly epoch: number } | null = null;
  let seen = 0;
  let last: Published = { readWrite: [], readOnly: [], epoch: 0, primary: '' };
  let epoch = 0;

  const note = (problem: string): void => {
    broken.push(problem);
    say(`BROKEN ${problem}`);
  };

  const lookAtServers = (): void => {
    const nowMs = world.clock.monotonicMs();
    for (const { name, state, facts } of servers) {
      const isWriter = state === 'Up' && !facts.inRecovery && !facts.readOnly;
      (isWriter ? writableAt : goneAt).set(name, nowMs);
      if (state === 'Up') upAt.set(name, nowMs);
    }
  };

  /**
   * An attempt that is undone gives the route back, at its epoch, to whom it was taken from, dead or not (design, section 6):
   * it must have been a writer when it was last there.
   */
  const isGivenBack = (to: string, epochNow: number): boolean =>
    taken?.from === to &&
    taken.epoch === epochNow &&
    (upAt.get(to) ?? 0) - (writableAt.get(to) ?? Number.NEGATIVE_INFINITY) <= EVIDENCE_MS;

  const check = (now: Published): void => {
    const nowMs = world.clock.monotonicMs();
    if (now.readWrite.length > 1) note(`I1: the read-write Service leads to ${now.readWrite.join(' and ')}`);
    const [from] = last.readWrite;
    const [to] = now.readWrite;
    if (from !== undefined && to !== undefined && from !== to)
      note(`I2: the route went from ${from} to ${to} without being empty`);
    if (now.epoch < last.epoch) note(`I10: the published epoch went from ${last.epoch} to ${now.epoch}`);
    if (to !== undefined && to !== from) {
      say(`route: writes lead to ${to} (epoch ${now.epoch})`);
      if (nowMs - (writableAt.get(to) ?? 0) > EVIDENCE_MS && !isGivenBack(to, now.epoch))
        note(`I1: the route went to ${to}, which has not accepted writes lately`);
    }
    if (from !== undefined && to === undefined) {
      say(`route: writes lead nowhere (epoch ${now.epoch})`);
      taken = { from, epoch: now.epoch };
      if (nowMs - (goneAt.get(from) ?? 0) > EVIDENCE_MS)
        note(`a primary that accepted writes all the time, ${from}, was left`);
    }
    last = now;
  };

  return {
    look: () => {
      lookAtServers();
      const changes = world.history();
      for (const now of changes.slice(seen)) check(now);
      seen = changes.length;
      const recorded = world.status().epoch ?? epoch;
      if (recorded < epoch) note(`I10: status.epoch went from ${epoch} to ${recorded}`);
      epoch = Math.max(epoch, recorded);
    },
    note,
    broken: () => broken,
  };
}
