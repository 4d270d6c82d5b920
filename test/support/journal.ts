/** Everything that was seen of one thing, oldest first, and a way to wait for what is still to come. */
export class Journal<T> {
  readonly entries: T[] = [];
  #waiting: ((entry: T) => void)[] = [];
  readonly #about: string;

  constructor(about: string) {
    this.#about = about;
  }

  add(entry: T): void {
    this.entries.push(entry);
    for (const resolve of [...this.#waiting]) resolve(entry);
  }

  /** Resolves with the newest entry if that passes, else with the first later one that does. */
  until(what: string, check: (entry: T) => boolean, timeoutMs: number): Promise<T> {
    const latest = this.entries.at(-1);
    if (latest !== undefined && check(latest)) return Promise.resolve(latest);
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        this.#waiting = this.#waiting.filter((waiter) => waiter !== look);
      };
      const look = (entry: T): void => {
        if (!check(entry)) return;
        stop();
        resolve(entry);
      };
      const timer = setTimeout(() => {
        stop();
        const newest = JSON.stringify(this.entries.at(-1) ?? null, null, 1);
        reject(new Error(`${this.#about}: not within ${timeoutMs} ms: ${what}; the newest was ${newest}`));
      }, timeoutMs);
      this.#waiting.push(look);
    });
  }
}
