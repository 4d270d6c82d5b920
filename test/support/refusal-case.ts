/** What must be refused, and in which words: by the API server, and by the parser where a CRD is older. */
import type { Edits } from './resources.ts';

export interface RefusalCase {
  readonly name: string;
  readonly edits: Edits;
  readonly field: string;
  /** Part of the API server's sentence. */
  readonly says: string;
  /** Part of the parser's sentence where it differs. */
  readonly parserSays?: string;
}

/** What every bad duration is told. */
export const NO_DURATION = 'must be a duration such as 500ms, 2s or 1m30s';

export function refusal(name: string, edits: Edits, field: string, says: string, parserSays?: string): RefusalCase {
  return { name, edits, field, says, ...(parserSays === undefined ? {} : { parserSays }) };
}
