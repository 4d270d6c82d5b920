/** ConfigMaps and Secrets alike: keys rendered from templates, published whole or not at all. */
import { EPOCH_ANNOTATION } from '../api/resources.ts';
import type { KubeObject, Resource } from '../ports/kube.ts';
import type { PartialPlan, RouteInput, RouteProblem } from './contract.ts';
import { describe, identify, isOurs, managerOf, otherOwner, ownerLabels, ownerMetadata } from './ownership.ts';
import { parseTemplate, renderTemplate, type Template, type TemplateVariables } from './templates.ts';
import { applyIfNeeded } from './writes.ts';

/** Bound of the API server on the data of one ConfigMap or Secret. */
const MAX_DATA_BYTES = 1024 * 1024;

export type Rendering =
  | { readonly kind: 'Complete'; readonly data: Readonly<Record<string, string>> }
  | { readonly kind: 'Faulty'; readonly problems: readonly RouteProblem[] };

interface Named {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
}

type Templates = Readonly<Record<string, string>>;

/** By the spec's own object, which lives as long as its generation: plans are made each second, specs seldom change. */
const parsedTemplates = new WeakMap<Templates, ReadonlyMap<string, Template>>();

function parsedOnce(templates: Templates): ReadonlyMap<string, Template> {
  const known = parsedTemplates.get(templates);
  if (known !== undefined) return known;
  const parsed = new Map(Object.entries(templates).map(([key, text]) => [key, parseTemplate(text)]));
  parsedTemplates.set(templates, parsed);
  return parsed;
}

/** All keys, or what is wrong with each faulty one: half of a new content would be worse than all of the old. */
export function renderData(object: Named, templates: Templates, variables: TemplateVariables): Rendering {
  const rendered = [...parsedOnce(templates)].map(([key, template]) => ({
    key,
    result: renderTemplate(template, variables),
  }));
  const problems = rendered.flatMap(({ key, result }) =>
    result.kind === 'Faulty'
      ? [templateProblem(object, `key ${key}, ${result.fault.line}:${result.fault.column}: ${result.fault.what}`)]
      : [],
  );
  if (problems.length > 0) return { kind: 'Faulty', problems };
  const data = Object.fromEntries(
    rendered.flatMap(({ key, result }) => (result.kind === 'Rendered' ? [[key, result.text]] : [])),
  );
  const bytes = Object.values(data).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes <= MAX_DATA_BYTES) return { kind: 'Complete', data };
  return {
    kind: 'Faulty',
    problems: [templateProblem(object, `the rendered data has ${bytes} bytes, more than 1 MiB`)],
  };
}

interface Publication {
  readonly resource: Resource;
  readonly object: Named;
  readonly current: readonly KubeObject[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly content: Readonly<Record<string, unknown>>;
}

/** Writes the content under our name, unless the name is taken by an object that is not ours (I12). */
export function publishData(input: Pick<RouteInput, 'owner' | 'target'>, publication: Publication): PartialPlan {
  const { resource, object, annotations, content } = publication;
  const current = publication.current.find(({ metadata }) => metadata.name === object.name) ?? null;
  if (current !== null && !isOurs(current, input.owner)) {
    return { writes: [], problems: [notOurs(input, current)] };
  }
  const intent: KubeObject = {
    apiVersion: 'v1',
    kind: object.kind,
    metadata: {
      name: object.name,
      namespace: input.owner.namespace,
      ...ownerMetadata(input.owner),
      annotations: { [EPOCH_ANNOTATION]: String(input.target.epoch), ...annotations },
    },
    ...content,
  };
  return { writes: applyIfNeeded(resource, intent, current), problems: [] };
}

function templateProblem(object: Named, what: string): RouteProblem {
  return {
    reason: 'TemplateError',
    object,
    message: `${object.kind} ${object.name}, ${what}. The last good content stays.`,
  };
}

function notOurs({ owner }: Pick<RouteInput, 'owner'>, current: KubeObject): RouteProblem {
  const other = otherOwner(current);
  const remedy =
    other === null
      ? `Choose another name in spec.routes, delete it, or hand it over: kubectl label ${current.kind.toLowerCase()} ${current.metadata.name ?? ''} ${Object.entries(
          ownerLabels(owner),
        )
          .map(([key, value]) => `${key}=${value}`)
          .join(' ')} --overwrite`
      : `It belongs to DatabaseFailover ${other}; choose another name in spec.routes`;
  return {
    reason: 'ObjectNotOurs',
    object: identify(current),
    message: `${describe(current)} exists and is not ours (managed by ${managerOf(current)}); it stays untouched. ${remedy}.`,
  };
}
