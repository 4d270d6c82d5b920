/** Series of one resource, remembered so that they go when it goes: a gauge that stays behind is a false alert. */

type Labels = Readonly<Record<string, string>>;

/** What prom-client's gauges, counters and histograms have in common here. */
export interface Instrument {
  remove(labels: Record<string, string>): void;
}

export class SeriesLedger {
  readonly #series = new Map<string, { readonly instrument: Instrument; readonly labels: Labels }>();
  readonly #names = new Map<Instrument, number>();

  /** Notes that `instrument` has a series with these labels. */
  note(instrument: Instrument, labels: Labels): Record<string, string> {
    const number = this.#names.get(instrument) ?? this.#names.size;
    this.#names.set(instrument, number);
    this.#series.set(`${number} ${JSON.stringify(labels)}`, { instrument, labels });
    return { ...labels };
  }

  /** Removes the series that match. */
  removeWhere(matches: (labels: Labels, instrument: Instrument) => boolean): void {
    for (const [key, { instrument, labels }] of this.#series) {
      if (!matches(labels, instrument)) continue;
      instrument.remove({ ...labels });
      this.#series.delete(key);
    }
  }
}
