/** Which room of src/ imports what, and the arrows of the design's table of rooms (docs/adr/0007). */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SourceFile {
  /** Below src/, e.g. `decide/rules.ts`; without a folder: a root file. */
  readonly path: string;
  readonly text: string;
}

export interface Import {
  /** As written, e.g. `../api/lsn.ts`, `node:net`, `zod`. */
  readonly from: string;
  /** Between `import` and `from`; empty for a bare or dynamic import. */
  readonly names: string;
}

interface Room {
  /** Other rooms. */
  readonly rooms: readonly string[];
  /** Pure rooms decide and touch nothing: no packages but these, no Node, no time, nothing asynchronous. */
  readonly pure?: { readonly packages: readonly string[] };
}

const DOMAIN = ['api', 'ports', 'postgres', 'dns', 'decide', 'route', 'report', 'telemetry', 'kube', 'hooks'];

export const ROOMS: Readonly<Record<string, Room>> = {
  api: { rooms: [], pure: { packages: ['zod'] } },
  ports: { rooms: ['api'] },
  decide: { rooms: ['api', 'ports'], pure: { packages: [] } },
  route: { rooms: ['api', 'ports'], pure: { packages: ['ipaddr.js', 'mustache', 'zod'] } },
  report: { rooms: ['api', 'ports'], pure: { packages: [] } },
  postgres: { rooms: ['api', 'ports'] },
  dns: { rooms: ['api', 'ports'] },
  telemetry: { rooms: ['api', 'ports'] },
  kube: { rooms: ['api', 'ports'] },
  hooks: { rooms: ['api', 'ports', 'kube'] },
  controller: { rooms: DOMAIN },
  cli: { rooms: ['api', 'ports', 'kube', 'decide', 'report'] },
};

/** May be imported by each other and by nobody else; they may import everything. */
export const ROOT_FILES = ['main.ts', 'config.ts', 'flags.ts', 'operator.ts', 'system-clock.ts'];

/** Functions of Node that compute and touch nothing. */
const PURE_NODE = new Map([['node:net', ['isIP', 'isIPv4', 'isIPv6']]]);

/** What only an edge may say. */
const IMPURE = [
  /\bawait\b/,
  /\basync\b/,
  /\bnew Promise\b/,
  /\bset(Timeout|Interval|Immediate)\b/,
  /\bqueueMicrotask\b/,
  /\bDate\.now\b/,
  /\bnew Date\(\)/,
  /\bperformance\./,
  /\bMath\.random\b/,
  /\bprocess\./,
  /\bconsole\./,
  /\bfetch\(/,
];

export function sourceFiles(folder: string): readonly SourceFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => ({ path: path.replaceAll('\\', '/'), text: readFileSync(join(folder, path), 'utf8') }));
}

const STATEMENT = /\b(?:import|export)\b([^;'"]*?)\bfrom\s*['"]([^'"]+)['"]/g;
const BARE = /\bimport\s*\(?\s*['"]([^'"]+)['"]/g;

export function importsOf(file: SourceFile): readonly Import[] {
  const text = withoutComments(file.text);
  const named = [...text.matchAll(STATEMENT)].map(([, names = '', from = '']) => ({ from, names: names.trim() }));
  const bare = [...text.matchAll(BARE)].map(([, from = '']) => ({ from, names: '' }));
  return [...named, ...bare];
}

/** One sentence for each thing that the table does not allow. */
export function violationsOf(file: SourceFile): readonly string[] {
  const room = roomOf(file.path);
  if (room === null) {
    return ROOT_FILES.includes(file.path) ? [] : [`${file.path}: not one of the files at the root of src`];
  }
  const rule = ROOMS[room];
  if (rule === undefined) return [`${file.path}: ${room} is no room of the table`];
  return [
    ...importsOf(file).flatMap((one) => forbiddenImport(file.path, room, rule, one)),
    ...(rule.pure === undefined ? [] : impureWords(file)),
  ];
}

function roomOf(path: string): string | null {
  const [folder = '', ...rest] = path.split('/');
  return rest.length === 0 ? null : folder;
}

function forbiddenImport(path: string, room: string, rule: Room, { from, names }: Import): readonly string[] {
  if (!from.startsWith('.')) {
    if (rule.pure === undefined || rule.pure.packages.includes(from)) return [];
    const computes = PURE_NODE.get(from) ?? [];
    const wanted = names
      .replace(/[{}]/g, '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
    const isPure = wanted.length > 0 && wanted.every((name) => computes.includes(name));
    return isPure ? [] : [`${path}: ${room} is pure and may not import ${names} from ${from}`];
  }
  const target = new URL(from, `file:///${path}`).pathname.slice(1);
  const other = roomOf(target);
  if (other === null) return [`${path}: ${room} may not import ${target}, a root file`];
  if (other === room || rule.rooms.includes(other)) return [];
  return [`${path}: ${room} may not import ${other} (${target})`];
}

function impureWords(file: SourceFile): readonly string[] {
  const text = withoutComments(file.text);
  return IMPURE.flatMap((word) => {
    const found = word.exec(text)?.[0];
    return found === undefined ? [] : [`${file.path}: says ${found}, which only an edge may`];
  });
}

/** Strings stay, so that a `//` inside one does not begin a comment. */
const COMMENT_OR_STRING = /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;

function withoutComments(text: string): string {
  return text.replaceAll(COMMENT_OR_STRING, (_, string: string | undefined) => string ?? ' ');
}
