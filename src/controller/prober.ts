/**
 * Looks at every member of one group, all the time, each member in a loop of its own with at most one look in flight.
 * What a look means is `decide`'s business; when to look next as well. This carries it out and keeps the tracks.
 */
import type { Evidence } from '../api/evidence.ts';
import type { GroupSettings, MemberSettings } from '../api/settings.ts';
import { nextProbe } from '../decide/probe-schedule.ts';
import { doubt, observe } from '../decide/track.ts';
import { newTrack, type Track } from '../decide/track-state.ts';
import type { Clock, Random } from '../ports/clock.ts';
import type { MemberConnector, MemberPort, MemberTarget } from '../ports/members.ts';

export interface Prober {
  /** Takes members in and out and points them at new targets; tracks of members that stay are kept. */
  configure(settings: GroupSettings, targets: ReadonlyMap<string, MemberTarget>): void;
  tracks(): ReadonlyMap<string, Track>;
  /** While the primary is lost the others are looked at faster. */
  setHurry(hurry: boolean): void;
  /**
   * A fresh look at every member, begun after this call. Resolves when all have ended, and for `impatient` ones (those
   * already dead, whose silence is no news) at the latest after `impatientMs`.
   */
  lookAtAll(impatient: ReadonlySet<string>, impatientMs: number, signal: AbortSignal): Promise<void>;
  stop(): void;
}

export interface ProberOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly connector: MemberConnector;
  /** Called after each look, with the evidence already in the track. */
  readonly onEvidence: (evidence: Evidence) => void;
}

interface Watcher {
  settings: MemberSettings;
  readonly port: MemberPort;
  readonly stopping: AbortController;
  track: Track;
  /** Waiting for a look that begins at or after this time. */
  waiters: { readonly sinceMs: number; readonly resolve: () => void }[];
  wake: (() => void) | null;
}

export function createProber(options: ProberOptions): Prober {
  const { clock, random, connector, onEvidence } = options;
  const watchers = new Map<string, Watcher>();
  let group: GroupSettings | null = null;
  let hurry = false;

  const watch = (settings: MemberSettings, index: number, target: MemberTarget): Watcher => {
    const watcher: Watcher = {
      settings,
      port: connector.connect(target),
      stopping: new AbortController(),
      track: newTrack(settings, index),
      waiters: [],
      wake: null,
    };
    watcher.port.onSessionLost(() => lookSoon(watcher));
    void run(watcher);
    return watcher;
  };

  const lookSoon = (watcher: Watcher): void => {
    watcher.track = doubt(watcher.track, clock.monotonicMs());
    watcher.wake?.();
  };

  const run = async (watcher: Watcher): Promise<void> => {
    const { signal } = watcher.stopping;
    while (!signal.aborted && group !== null) {
      const next = nextProbe(watcher.track, clock.monotonicMs(), group.detection, random, hurry);
      const waitMs = next.atMs - clock.monotonicMs();
      if (waitMs > 0 && !hasWaiters(watcher)) {
        await pause(watcher, waitMs);
        continue;
      }
      const kind = hasWaiters(watcher) ? 'Fresh' : next.kind;
      const evidence = await watcher.port.probe(kind, { timeoutMs: group.detection.timeoutMs, signal });
      if (signal.aborted) return;
      watcher.track = observe(watcher.track, evidence, group.detection);
      if (watcher.track.stop !== null && watcher.track.sessionAlive) watcher.port.releaseSession();
      release(watcher, evidence);
      onEvidence(evidence);
    }
  };

  /** Sleeps until the time has come or somebody wakes the watcher. */
  const pause = (watcher: Watcher, ms: number): Promise<void> =>
    new Promise((resolve) => {
      const done = () => {
        cancel();
        watcher.wake = null;
        resolve();
      };
      const cancel = clock.after(ms, done);
      watcher.wake = done;
    });

  const release = (watcher: Watcher, evidence: Evidence): void => {
    const served = watcher.waiters.filter((waiter) => evidence.startedAtMs >= waiter.sinceMs);
    watcher.waiters = watcher.waiters.filter((waiter) => evidence.startedAtMs < waiter.sinceMs);
    for (const waiter of served) waiter.resolve();
  };

  const end = (name: string, watcher: Watcher): void => {
    watchers.delete(name);
    watcher.stopping.abort();
    watcher.wake?.();
    watcher.port.close();
    for (const waiter of watcher.waiters) waiter.resolve();
  };

  const lookAt = (watcher: Watcher, boundMs: number | null, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const finish = () => {
        cancel?.();
        signal.removeEventListener('abort', finish);
        watcher.waiters = watcher.waiters.filter((candidate) => candidate !== waiter);
        resolve();
      };
      const waiter = { sinceMs: clock.monotonicMs(), resolve: finish };
      const cancel = boundMs === null ? null : clock.after(boundMs, finish);
      signal.addEventListener('abort', finish, { once: true });
      watcher.waiters.push(waiter);
      watcher.wake?.();
    });

  return {
    configure: (settings, targets) => {
      group = settings;
      const kept = new Set(settings.members.map((member) => member.name));
      for (const [name, watcher] of [...watchers]) if (!kept.has(name)) end(name, watcher);
      settings.members.forEach((member, index) => {
        const target = targets.get(member.name);
        if (target === undefined) return;
        const known = watchers.get(member.name);
        // Another endpoint is another server until it proves otherwise: nothing seen before speaks of it.
        const watcher = known !== undefined && sameEndpoint(known.settings, member) ? known : undefined;
        if (known !== undefined && watcher === undefined) end(member.name, known);
        if (watcher === undefined) {
          watchers.set(member.name, watch(member, index, target));
          return;
        }
        watcher.settings = member;
        watcher.track = { ...watcher.track, member, index };
        watcher.port.retarget(target);
        lookSoon(watcher);
      });
    },
    tracks: () => new Map([...watchers].map(([name, watcher]) => [name, watcher.track])),
    setHurry: (value) => {
      if (hurry === value) return;
      hurry = value;
      for (const watcher of watchers.values()) watcher.wake?.();
    },
    lookAtAll: async (impatient, impatientMs, signal) => {
      await Promise.all(
        [...watchers].map(([name, watcher]) => lookAt(watcher, impatient.has(name) ? impatientMs : null, signal)),
      );
    },
    stop: () => {
      for (const [name, watcher] of [...watchers]) end(name, watcher);
    },
  };
}

const sameEndpoint = (one: MemberSettings, other: MemberSettings): boolean =>
  one.endpoint.host === other.endpoint.host && one.endpoint.port === other.endpoint.port;

const hasWaiters = (watcher: Watcher): boolean => watcher.waiters.length > 0;
