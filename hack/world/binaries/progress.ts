/** Where a command tells people how its work goes on. */
export interface Voice {
  say(line: string): void;
  /** How far something has come: on a terminal the next line replaces it. */
  show(line: string): void;
  /** What to wait before the next `show`, given how long the work has gone on. */
  pauseMs(elapsedMs: number): number;
}

export interface Output {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** Shorter work is not mentioned. */
const FIRST_MS = 3_000;
/** A clock that moves, on a terminal. */
const TICK_MS = 1_000;
/** In a file or a pipe every line stays: often at first, each 10 s in a build of minutes. */
const LONGEST_PAUSE_MS = 10_000;
const REWRITE = '\r\u001b[K';

export function voiceOn(output: Output): Voice {
  let shown = false;
  const terminal = output.isTTY === true;
  const begin = (): string => (shown ? REWRITE : '');
  return {
    say(line) {
      output.write(`${begin()}world: ${line}\n`);
      shown = false;
    },
    show(line) {
      // A line that wraps could not be rewritten.
      const text = `world: ${line}`;
      output.write(terminal ? `${begin()}${text.slice(0, (output.columns ?? 80) - 1)}` : `${text}\n`);
      shown = terminal;
    },
    pauseMs: (elapsedMs) => (terminal ? TICK_MS : Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_MS, elapsedMs / 2))),
  };
}

/** Standard error: standard output is COMMAND's. */
export const stderrVoice = voiceOn(process.stderr);

/** Tells of work that takes longer than 3 s. `describe` is asked at each line, to tell how far it has come. */
export async function withProgress<T>(voice: Voice, describe: () => string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  let told = false;
  const tell = (): void => {
    const elapsedMs = performance.now() - startedAt;
    voice.show(`${describe()} ... ${Math.round(elapsedMs / 1000)} s`);
    told = true;
    timer = setTimeout(tell, voice.pauseMs(elapsedMs));
  };
  let timer = setTimeout(tell, FIRST_MS);
  const end = (how: string): void => {
    clearTimeout(timer);
    if (told) voice.say(`${describe()}: ${how} ${Math.round((performance.now() - startedAt) / 1000)} s`);
  };
  try {
    const result = await work();
    end('done in');
    return result;
  } catch (error) {
    end('failed after');
    throw error;
  }
}
