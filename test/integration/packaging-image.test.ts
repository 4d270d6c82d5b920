/** What the Dockerfile puts into the image, as far as that can be tried without a container engine. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { bundleOperator } from '../../hack/bundle.ts';
import { repository } from '../../hack/generate/generated-file.ts';
import { output } from '../support/kubectl.ts';

const lines = (name: string): readonly string[] => readFileSync(join(repository, name), 'utf8').split('\n');

/** Words behind an instruction of the Dockerfile, without `--from=` and the like. */
function instructions(name: string): readonly (readonly string[])[] {
  return lines('Dockerfile')
    .map((line) => line.split(' '))
    .filter(([first]) => first === name)
    .map(([, ...words]) => words);
}

describe('the built operator', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dbfo-image-'));

  beforeAll(async () => {
    await bundleOperator(join(folder, 'dist', 'main.js'));
    const entry = z.object({ dev: z.boolean().default(false), optional: z.boolean().default(false) });
    const lock = z.object({ packages: z.record(z.string(), entry) });
    const { packages } = lock.parse(JSON.parse(lines('package-lock.json').join('\n')));
    for (const [path, { dev, optional }] of Object.entries(packages)) {
      if (path === '' || dev || optional) continue;
      // A package below another one comes with it.
      if (!path.slice('node_modules/'.length).includes('node_modules/'))
        cpSync(join(repository, path), join(folder, path), { recursive: true });
    }
    cpSync(join(repository, 'package.json'), join(folder, 'package.json'));
  }, 120_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('runs with nothing but the production dependencies', async () => {
    expect(existsSync(join(folder, 'node_modules', 'vitest'))).toBe(false);
    const help = await output(process.execPath, [join(folder, 'dist', 'main.js'), '--help']);
    expect(help).toContain('Usage: database-failover-operator');
  });

  test('knows its version', async () => {
    const { version } = z.object({ version: z.string() }).parse(JSON.parse(lines('package.json').join('\n')));
    expect(await output(process.execPath, [join(folder, 'dist', 'main.js'), '--version'])).toBe(`${version}\n`);
  });
});

describe('the Dockerfile', () => {
  test('copies only what is there and what .dockerignore lets through', () => {
    const sources = instructions('COPY')
      .filter(([first]) => !first?.startsWith('--from='))
      .flatMap((words) => words.slice(0, -1));
    expect(sources).toContain('src');
    expect(sources.filter((source) => !existsSync(join(repository, source)))).toEqual([]);
    expect(sources.filter((source) => !lines('.dockerignore').includes(`!${source}`))).toEqual([]);
    expect(lines('.dockerignore')).toContain('*');
  });

  test('takes its base images as build arguments and runs without a shell as a user that is not root', () => {
    const argument = (name: string) => expect.stringMatching(new RegExp(`^[$][{]${name}[}]$`));
    expect(instructions('FROM').map(([image]) => image)).toEqual([
      argument('BUILD_IMAGE'),
      argument('BUILD_IMAGE'),
      argument('RUNTIME_IMAGE'),
    ]);
    expect(instructions('USER')).toEqual([['65532:65532']]);
    expect(instructions('ENTRYPOINT')).toEqual([['["/nodejs/bin/node",', '"dist/main.js"]']]);
    expect(instructions('ENV')).toContainEqual(['NODE_ENV=production']);
  });
});
