import { DatabaseError } from 'pg';
import { describe, expect, test } from 'vitest';
import { queryFacts } from '../../../src/postgres/attempt.ts';
import type { Session } from '../../../src/postgres/session.ts';
import { answeredRow } from '../../support/probe-answer.ts';

const never = new AbortController().signal;

/** A session whose queries end as scripted, one after another. */
function scriptedSession(script: readonly (DatabaseError | 'row')[]): Session & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    query: async (text) => {
      const next = script[asked.length];
      asked.push(text);
      if (next instanceof DatabaseError) throw next;
      return [answeredRow()];
    },
    isOpen: () => true,
    onLost: () => {},
    close: () => {},
  };
}

const serverError = (code: string): DatabaseError => Object.assign(new DatabaseError('no', 2, 'error'), { code });

describe('the round trip of a look', () => {
  test.each([
    ['a promotion that ends between two of its functions', '55000'],
    ['a torn read of the control file', 'XX000'],
  ])('is repeated once after %s, with its settings', async (_, code) => {
    const session = scriptedSession([serverError(code), 'row']);
    expect(await queryFacts(session, 'SET x = 1; ', never)).toMatchObject({ inRecovery: false });
    expect(session.asked).toHaveLength(2);
    expect(session.asked[1]).toBe(session.asked[0]);
    expect(session.asked[0]).toMatch(/^SET x = 1; /);
  });

  test('is not repeated twice', async () => {
    const session = scriptedSession([serverError('55000'), serverError('55000'), 'row']);
    await expect(queryFacts(session, '', never)).rejects.toMatchObject({ code: '55000' });
  });

  test('is not repeated after an error that would come again', async () => {
    const session = scriptedSession([serverError('42501'), 'row']);
    await expect(queryFacts(session, '', never)).rejects.toMatchObject({ code: '42501' });
    expect(session.asked).toHaveLength(1);
  });
});
