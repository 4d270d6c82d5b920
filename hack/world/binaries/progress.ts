/** Tells on standard error what takes longer than 3 s, and then every 15 s that it still goes on. */
const FIRST_MS = 3_000;
const NEXT_MS = 15_000;

export type Say = (line: string) => void;

export const sayOnStderr: Say = (line) => void process.stderr.write(`world: ${line}\n`);

/** `describe` is asked at each line, so that it can tell how far the work has come. */
export async function withProgress<T>(say: Say, describe: () => string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const tell = (): void => {
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    say(`${describe()} ... ${seconds} s`);
    timer = setTimeout(tell, NEXT_MS);
  };
  let timer = setTimeout(tell, FIRST_MS);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}
