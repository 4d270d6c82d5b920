/** Prints the story as it happens, each line with the seconds since it began. */
export interface Narrator {
  say(text: string): void;
  /** Text as a program printed it, indented. */
  show(title: string, text: string): void;
}

export function createNarrator(out: NodeJS.WritableStream): Narrator {
  const startedMs = performance.now();
  const stamp = () => `${((performance.now() - startedMs) / 1000).toFixed(2).padStart(7)}s`;
  return {
    say: (text) => void out.write(`${stamp()}  ${text}\n`),
    show: (title, text) => {
      out.write(`\n$ ${title}\n`);
      for (const line of text.trimEnd().split('\n')) out.write(`    ${line}\n`);
      out.write('\n');
    },
  };
}
