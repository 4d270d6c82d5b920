/** The series of one resource. They go with the resource, and those of a member with the member. */
import type { Counter, Gauge, Histogram } from 'prom-client';
import type { RouteTarget } from '../api/decision.ts';
import type { LayerTimings } from '../api/evidence.ts';
import type { Condition } from '../api/status.ts';
import type { MemberView } from '../api/verdict.ts';
import type { ObjectKey } from '../ports/kube.ts';
import type { GroupInstruments } from './instruments.ts';
import { type Instrument, SeriesLedger } from './series.ts';

export interface GroupMetrics {
  readonly key: ObjectKey;
  /** Milliseconds per layer of one look; of a member that `judged` has named, others are ignored. */
  looked(member: string, timings: LayerTimings): void;
  /** Replaces what is said of the members; one that is not in `views` any more loses its series. */
  judged(views: readonly MemberView[], published: RouteTarget | null): void;
  /** Counts only a change of rule. */
  decided(rule: number): void;
  routeCompared(epoch: number, writes: number, inSync: boolean): void;
  /** Monotonic ms of the last `routeCompared` in sync, else of the first one; null before. */
  confirmedAtMs(): number | null;
  retried(kind: string): void;
  reconciled(ms: number, error: boolean): void;
  statusWritten(): void;
  /** Replaces what is said of the conditions. */
  reported(conditions: readonly Condition[]): void;
  /** Its members were judged: it is worked with, and not only reported. */
  isObserved(): boolean;
  /** The resource is gone: its series go too. */
  remove(): void;
}

export function groupMetrics(key: ObjectKey, instruments: GroupInstruments, monotonicMs: () => number): GroupMetrics {
  const write = seriesWriter(key);
  let names: ReadonlySet<string> = new Set();
  let rule: number | null = null;
  let confirmedAtMs: number | null = null;
  let conditionsTold = '';
  return {
    key,
    judged: (views, published) => {
      for (const view of views) memberGauges(view, published?.readers ?? [], instruments, write);
      if (published !== null) write.set(instruments.routed, published.primary === null ? 0 : 1);
      names = new Set(views.map((view) => view.name));
      write.forget(({ member }) => member !== undefined && !names.has(member));
    },
    looked: (member, timings) => {
      // A look may end after its member has left the spec.
      if (!names.has(member)) return;
      for (const [layer, ms] of Object.entries(timings)) write.observe(instruments.probe, ms / 1000, { member, layer });
    },
    decided: (next) => {
      write.set(instruments.rule, next);
      if (next !== rule) write.count(instruments.decisions, { rule: String(next) });
      rule = next;
    },
    routeCompared: (epoch, writes, inSync) => {
      if (inSync || confirmedAtMs === null) confirmedAtMs = monotonicMs();
      write.set(instruments.epoch, epoch);
      if (writes > 0) write.count(instruments.routeWrites, {}, writes);
    },
    confirmedAtMs: () => confirmedAtMs,
    retried: (kind) => write.count(instruments.retries, { kind }),
    reconciled: (ms, error) => {
      write.observe(instruments.reconcile, ms / 1000);
      if (error) write.count(instruments.reconcileErrors);
    },
    statusWritten: () => write.count(instruments.statusWrites),
    reported: (conditions) => {
      const known = conditions.filter(({ status }) => status !== 'Unknown');
      const told = known.map(({ type, status }) => `${type} ${status}`).join();
      if (told === conditionsTold) return;
      conditionsTold = told;
      for (const { type, status } of known) write.set(instruments.condition, status === 'True' ? 1 : 0, { type });
      write.forget(({ type }) => type !== undefined && !known.some((condition) => condition.type === type));
    },
    isObserved: () => names.size > 0,
    remove: () => write.close(),
  };
}

function memberGauges(
  view: MemberView,
  readers: readonly string[],
  instruments: GroupInstruments,
  write: SeriesWriter,
): void {
  const member = view.name;
  const role = view.facts === null ? 'Unknown' : view.facts.inRecovery ? 'Standby' : 'Primary';
  write.setOnly(instruments.role, { member }, { role });
  write.setOnly(instruments.verdict, { member }, { verdict: view.verdict });
  write.set(instruments.dead, view.dead ? 1 : 0, { member });
  write.set(instruments.lagBytes, view.lagBytes, { member });
  write.set(instruments.lagSeconds, view.lagMs === null ? null : view.lagMs / 1000, { member });
  write.set(instruments.inReadSet, readers.includes(member) ? 1 : 0, { member });
}

type Labels = Readonly<Record<string, string>>;

interface SeriesWriter {
  /** null removes the series: an unknown number is not 0. */
  set(gauge: Gauge, value: number | null, labels?: Labels): void;
  /** 1 for the series with `state`; those with the same `labels` and another state go. */
  setOnly(gauge: Gauge, labels: Labels, state: Labels): void;
  count(counter: Counter, labels?: Labels, by?: number): void;
  observe(histogram: Histogram, seconds: number, labels?: Labels): void;
  forget(matches: (labels: Labels) => boolean): void;
  close(): void;
}

function seriesWriter({ namespace, name }: ObjectKey): SeriesWriter {
  const ledger = new SeriesLedger();
  const full = (labels: Labels): Labels => ({ namespace, name, ...labels });
  const has = (labels: Labels, wanted: Labels) =>
    Object.entries(wanted).every(([label, value]) => labels[label] === value);
  const note = (instrument: Instrument, labels: Labels) => ledger.note(instrument, full(labels));
  return {
    set: (gauge, value, labels = {}) => {
      if (value === null) ledger.removeWhere((known, instrument) => instrument === gauge && has(known, labels));
      else gauge.set(note(gauge, labels), value);
    },
    setOnly: (gauge, labels, state) => {
      ledger.removeWhere((known, instrument) => instrument === gauge && has(known, labels) && !has(known, state));
      gauge.set(note(gauge, { ...labels, ...state }), 1);
    },
    count: (counter, labels = {}, by = 1) => {
      counter.inc(note(counter, labels), by);
    },
    observe: (histogram, seconds, labels = {}) => {
      histogram.observe(note(histogram, labels), seconds);
    },
    forget: (matches) => ledger.removeWhere(matches),
    close: () => ledger.removeWhere(() => true),
  };
}
