import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repository } from '../../../hack/generate/generated-file.ts';
import { importsOf, ROOMS, ROOT_FILES, sourceFiles, violationsOf } from '../../support/import-graph.ts';

const files = sourceFiles(join(repository, 'src'));
const pureFiles = files.filter(({ path }) => ROOMS[path.split('/')[0] ?? '']?.pure !== undefined);

/** Design: one subject, about 300 lines. */
const MAX_LINES = 320;
const MAX_TEST_LINES = 400;

const found = (path: string, text: string): readonly string[] => violationsOf({ path, text });

describe('the source', () => {
  test('follows the table of rooms', () => {
    expect(files.flatMap(violationsOf)).toEqual([]);
  });

  test('has every room that it needs, so that the table is about something', () => {
    const rooms = new Set(files.map(({ path }) => path.split('/')[0]));
    expect([...rooms]).toEqual(
      expect.arrayContaining(['api', 'decide', 'route', 'report', 'kube', 'postgres', 'controller']),
    );
    expect(files.map(({ path }) => path)).toEqual(expect.arrayContaining(ROOT_FILES));
    expect(files.flatMap(importsOf).length).toBeGreaterThan(files.length);
  });

  test(`has no file above ${MAX_LINES} lines, tests none above ${MAX_TEST_LINES}`, () => {
    const tooLong = (folder: string, limit: number) =>
      sourceFiles(join(repository, folder))
        .filter(({ text }) => text.split('\n').length - 1 > limit)
        .map(({ path }) => `${folder}/${path}`);
    expect([...tooLong('src', MAX_LINES), ...tooLong('hack', MAX_LINES), ...tooLong('test', MAX_TEST_LINES)]).toEqual(
      [],
    );
  });
});

describe('the checker', () => {
  test.each([
    ['api', '../ports/clock.ts'],
    ['ports', '../kube/kube-client.ts'],
    ['decide', '../kube/watch.ts'],
    ['decide', '../route/plan.ts'],
    ['route', '../decide/rules.ts'],
    ['report', '../telemetry/log.ts'],
    ['postgres', '../kube/lease.ts'],
    ['kube', '../controller/group.ts'],
    ['kube', '../postgres/tls.ts'],
    ['telemetry', '../controller/group.ts'],
    ['controller', '../cli/main.ts'],
    ['decide', '../config.ts'],
    ['controller', '../system-clock.ts'],
  ])('refuses an arrow from %s to %s, however it is written', (room, target) => {
    const path = `${room}/example.ts`;
    for (const text of [
      `import { a } from '${target}';`,
      `import type {\n  A,\n  B,\n} from "${target}";`,
      `export * from '${target}';`,
      `import '${target}';`,
      `const later = import('${target}');`,
    ]) {
      expect(found(path, text), text).toEqual([expect.stringContaining(`${room} may not import`)]);
    }
  });

  test.each([
    ['decide/example.ts', `import type { Lsn } from '../api/lsn.ts';`],
    ['decide/example.ts', `import { rule } from './rule.ts';`],
    ['controller/example.ts', `import { decide } from '../decide/rules.ts';`],
    ['hooks/example.ts', `import { KubeClient } from '../kube/kube-client.ts';`],
    ['route/example.ts', `import { isIPv6 } from 'node:net';`],
    ['kube/example.ts', `import { readFileSync } from 'node:fs';`],
    ['decide/example.ts', `// import { a } from '../kube/watch.ts'; await it, as process.env says`],
    ['decide/example.ts', `const text = 'http://example.com'; const other = 1; // Date.now`],
  ])('lets pass in %s: %s', (path, text) => {
    expect(found(path, text)).toEqual([]);
  });

  test.each([
    [`import { connect } from 'node:net';`, 'may not import'],
    [`import { isIP, connect } from 'node:net';`, 'may not import'],
    [`import pino from 'pino';`, 'may not import'],
    ['const at = Date.now();', 'says Date.now'],
    ['const at = new Date();', 'says new Date()'],
    ['setTimeout(() => {}, 1);', 'says setTimeout'],
    ['const a = process.env.HOME;', 'says process.'],
  ])('refuses in a pure room: %s', (text, sentence) => {
    for (const room of ['decide', 'route', 'report']) {
      expect(found(`${room}/example.ts`, text)).toEqual([expect.stringContaining(sentence)]);
    }
  });

  test('sees an await at the end of every pure file, so that no string or comment hides what follows it', () => {
    expect(pureFiles.length).toBeGreaterThan(30);
    for (const { path, text } of pureFiles) {
      expect(violationsOf({ path, text: `${text}\nawait it;\n` })).toContain(
        `${path}: says await, which only an edge may`,
      );
    }
  });

  test('refuses a room and a root file that the table does not know', () => {
    expect(found('utils/a.ts', '')).toEqual([expect.stringContaining('no room')]);
    expect(found('helpers.ts', '')).toEqual([expect.stringContaining('not one of the files at the root')]);
  });
});
