/** What a person would ask kubectl while the story runs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { kubectl } from '../scenario/kubectl.ts';
import { NAMESPACE, RESOURCE } from './objects.ts';

/** The parts of the status that the story shows. */
const statusSchema = z.object({
  epoch: z.number(),
  decision: z.object({ rule: z.number(), reason: z.string(), message: z.string() }),
  members: z.array(
    z.object({
      name: z.string(),
      role: z.string(),
      verdict: z.string(),
      readSet: z.boolean().optional(),
      quarantinedAtEpoch: z.number().optional(),
    }),
  ),
  conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() })),
  history: z.array(z.object({ epoch: z.number(), steps: z.record(z.string(), z.number()) })).default([]),
});
export type ShownStatus = z.output<typeof statusSchema>;

const DEADLINE_MS = 60_000;
const POLL_MS = 50;

export const get = (...args: readonly string[]): Promise<string> => kubectl(['-n', NAMESPACE, 'get', ...args]);

export async function status(): Promise<ShownStatus> {
  const object: unknown = JSON.parse(await get('dbf', RESOURCE, '-o', 'json'));
  return z.object({ status: statusSchema }).parse(object).status;
}

/** Resolves with the first status that satisfies; `what` names it in the error. */
export async function untilStatus(what: string, satisfied: (seen: ShownStatus) => boolean): Promise<ShownStatus> {
  const endsAt = performance.now() + DEADLINE_MS;
  for (;;) {
    const seen = await status();
    if (satisfied(seen)) return seen;
    if (performance.now() > endsAt) throw new Error(`waited a minute for this in vain: ${what}`);
    await sleep(POLL_MS);
  }
}

export function membersTable({ members }: ShownStatus): string {
  return table(
    members.map((member) => [
      member.name,
      member.role,
      member.verdict,
      member.quarantinedAtEpoch === undefined
        ? member.readSet === true
          ? 'serves reads'
          : ''
        : `quarantined at epoch ${member.quarantinedAtEpoch}`,
    ]),
  );
}

export function conditionsTable({ conditions }: ShownStatus): string {
  return table(conditions.map(({ type, status: value, reason, message }) => [type, value, reason, message]));
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
