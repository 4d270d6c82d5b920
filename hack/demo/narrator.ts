/** Prints the story as it happens, each line with the seconds since it began. */
export interface Narrator {
  say(text: string): void;
  /** A command as a person would type it, and what it printed. */
  show(command: string, text: string): void;
  /** Text under a title, indented. */
  list(title: string, text: string): void;
}

export function createNarrator(out: NodeJS.WritableStream): Narrator {
  const startedMs = performance.now();
  const stamp = () => `${((performance.now() - startedMs) / 1000).toFixed(2).padStart(7)}s`;
  const block = (title: string, text: string) => {
    out.write(`\n${title}\n`);
    for (const line of text.trimEnd().split('\n')) out.write(`    ${line}\n`);
    out.write('\n');
  };
  return {
    say: (text) => void out.write(`${stamp()}  ${text}\n`),
    show: (command, text) => block(`$ ${command}`, text),
    list: block,
  };
}
