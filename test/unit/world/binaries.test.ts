import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findChecksum } from '../../../hack/world/binaries/download.ts';
import { getBinaries } from '../../../hack/world/binaries/get-binaries.ts';
import { type Voice, voiceOn } from '../../../hack/world/binaries/progress.ts';
import { type BinaryName, SOURCES } from '../../../hack/world/binaries/versions.ts';

const CONTENT = Buffer.from('#!/bin/sh\nexit 0\n'.repeat(1_000));
const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

let root: string;
let server: Server;
let requests: string[];
let said: string[];
let env: NodeJS.ProcessEnv;
/** What the release server does with one path; unset: 404. */
let routes: Map<string, (response: ServerResponse) => void>;

const voice: Voice = voiceOn({ write: (text) => said.push(text.replace(/^world: (.*)\n$/, '$1')) });
const get = <Name extends BinaryName>(...names: readonly Name[]) => getBinaries(names, voice, env);
const cached = (name: BinaryName): string =>
  join(root, 'cache', 'database-failover-operator', 'bin', SOURCES[name].version, name);

function publish(name: BinaryName, content: Buffer, checksum: string): void {
  const { file, checksums } = SOURCES[name];
  routes.set(`/${file}`, (response) => response.end(content));
  routes.set(`/${checksums}`, (response) => response.end(checksum));
}

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'binaries-'));
  requests = [];
  said = [];
  routes = new Map();
  server = createServer((request, response) => {
    const path = request.url ?? '';
    requests.push(path);
    const route = routes.get(path);
    if (route === undefined) response.writeHead(404).end();
    else route(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  // No PATH: there is no Go, so that nothing is built.
  env = { XDG_CACHE_HOME: join(root, 'cache'), DBFO_KUBERNETES_URL: base, DBFO_ETCD_URL: base, PATH: '/nonexistent' };
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(root, { recursive: true, force: true });
});

test('a download with the published checksum is kept, and the second time nothing is asked', async () => {
  publish('kubectl', CONTENT, sha256(CONTENT));
  expect(await get('kubectl')).toEqual({ kubectl: cached('kubectl') });
  expect(readFileSync(cached('kubectl'))).toEqual(CONTENT);
  expect(statSync(cached('kubectl')).mode & 0o777).toBe(0o755);
  const asked = requests.length;
  expect(await get('kubectl')).toEqual({ kubectl: cached('kubectl') });
  expect(requests).toHaveLength(asked);
});

test('from an archive the binary alone is kept', async () => {
  const { file, member } = SOURCES.etcd;
  const folder = join(root, 'archive');
  mkdirSync(join(folder, dirname(member ?? '')), { recursive: true });
  writeFileSync(join(folder, member ?? ''), CONTENT);
  const archive = execFileSync('tar', ['-czf', '-', '-C', folder, member ?? '']);
  publish('etcd', archive, `${'0'.repeat(64)}  other.tar.gz\n${sha256(archive)}  ${file.split('/').at(-1)}\n`);
  expect(readFileSync((await getBinaries(['etcd'], voice, { ...env, PATH: '/usr/bin:/bin' })).etcd)).toEqual(CONTENT);
  expect(readdirSync(dirname(cached('etcd'))).sort()).toEqual(['etcd', 'etcd.json']);
});

describe('is refused, said in one line, and leaves nothing behind:', () => {
  const broken: readonly (readonly [string, RegExp, () => void])[] = [
    ['a wrong checksum', /refused .*checksum/, () => publish('kubectl', CONTENT, sha256(Buffer.from('other')))],
    [
      'a truncated file',
      /not available/,
      () => {
        publish('kubectl', CONTENT, sha256(CONTENT));
        routes.set(`/${SOURCES.kubectl.file}`, (response) => {
          response.writeHead(200, { 'content-length': CONTENT.length });
          response.write(CONTENT.subarray(0, 100), () => response.destroy());
        });
      },
    ],
    [
      'a missing checksum',
      /not available .*404/,
      () => routes.set(`/${SOURCES.kubectl.file}`, (response) => response.end(CONTENT)),
    ],
    [
      'a checksum of other files only',
      /refused .*names no checksum/,
      () => publish('kubectl', CONTENT, `${sha256(CONTENT)}  other\n`),
    ],
  ];
  test.each(broken)('%s', async (_, line, prepare) => {
    prepare();
    await expect(get('kubectl')).rejects.toThrow(/cannot be had: building from source needs Go 1\.26 or newer/);
    expect(said).toEqual([expect.stringMatching(line)]);
    expect(readdirSync(dirname(cached('kubectl')))).toEqual([]);
  });
});

test('when nobody listens, that is said once, and all are built from source', async () => {
  server.close();
  await once(server, 'close');
  const tools = join(root, 'tools');
  mkdirSync(tools);
  // Stands for Go: tells its version, and "builds" its own arguments.
  const go =
    '#!/bin/sh\nif [ "$1" = env ]; then echo go1.26.0; exit; fi\nwhile [ "$1" != -o ]; do shift; done\necho "$3" > "$2"\n';
  writeFileSync(join(tools, 'go'), go, { mode: 0o755 });
  env = { ...env, PATH: `${tools}:/usr/bin:/bin` };
  const built = await get('kubectl', 'kube-proxy');
  expect(readFileSync(built.kubectl, 'utf8')).toBe('k8s.io/kubernetes/cmd/kubectl\n');
  expect(readFileSync(built['kube-proxy'], 'utf8')).toBe('k8s.io/kubernetes/cmd/kube-proxy\n');
  expect(said).toEqual([expect.stringMatching(/not available .*ECONNREFUSED/)]);
});

test.each([
  ['without a manifest', (path: string) => writeFileSync(path, CONTENT.subarray(0, 50))],
  ['shorter than its manifest says', (path: string) => writeFileSync(path, CONTENT.subarray(0, 50))],
  [
    'changed at the same size',
    (path: string) => {
      writeFileSync(path, Buffer.alloc(CONTENT.length, 'x'));
      utimesSync(path, 1, 1);
    },
  ],
  ['with half a manifest', (path: string) => writeFileSync(`${path}.json`, '{"sha256":"')],
])('a cached file %s is never used but got again', async (how, spoil) => {
  publish('kubectl', CONTENT, sha256(CONTENT));
  await get('kubectl');
  if (how === 'without a manifest') rmSync(`${cached('kubectl')}.json`);
  spoil(cached('kubectl'));
  const asked = requests.length;
  await get('kubectl');
  expect(requests.length).toBeGreaterThan(asked);
  expect(readFileSync(cached('kubectl'))).toEqual(CONTENT);
});

test('a cached file that was merely copied counts by its content', async () => {
  publish('kubectl', CONTENT, sha256(CONTENT));
  await get('kubectl');
  utimesSync(cached('kubectl'), 1, 1);
  const asked = requests.length;
  await get('kubectl');
  expect(requests).toHaveLength(asked);
});

test('two who fill the cache at once download once', async () => {
  publish('kubectl', CONTENT, sha256(CONTENT));
  const [one, other] = await Promise.all([get('kubectl'), get('kubectl')]);
  expect(one).toEqual(other);
  expect(requests.filter((path) => path === `/${SOURCES.kubectl.file}`)).toHaveLength(1);
  expect(said).toEqual(['another process is getting the binaries: waiting for it']);
});

test('a cache folder that cannot be written is named with the ways out', async () => {
  publish('kubectl', CONTENT, sha256(CONTENT));
  writeFileSync(join(root, 'cache'), 'a file where a folder is wanted');
  const folder = join(root, 'cache', 'database-failover-operator');
  const sentence = `the binaries cannot be kept in ${folder}: a part of this path is no folder; set XDG_CACHE_HOME to a folder that you may write to, or mend the owner and place of this one`;
  await expect(get('kubectl')).rejects.toThrow(sentence);
});

test('a folder of one’s own comes first, and what it lacks is got as usual', async () => {
  publish('kube-proxy', CONTENT, sha256(CONTENT));
  const folder = join(root, 'own');
  mkdirSync(folder);
  writeFileSync(join(folder, 'kubectl'), CONTENT, { mode: 0o755 });
  env = { ...env, DBFO_BINARIES: folder };
  expect(await get('kubectl', 'kube-proxy')).toEqual({
    kubectl: join(folder, 'kubectl'),
    'kube-proxy': cached('kube-proxy'),
  });
});

test.each([
  ['a bare checksum', `${'a'.repeat(64)}`, 'a'.repeat(64)],
  ['a line with the name', `${'b'.repeat(64)}  x.tgz\n${'a'.repeat(64)} *file\n`, 'a'.repeat(64)],
  ['an error page', '<html>not found</html>', null],
  ['another file’s', `${'b'.repeat(64)}  x.tgz\n`, null],
])('reads %s', (_, text, wanted) => {
  expect(findChecksum(text, 'file')).toBe(wanted);
});
