/**
 * Templates of ConfigMaps and Secrets: Mustache without escaping, checked before it is rendered. Mustache itself
 * renders an unknown variable as nothing, which in a connection string is an outage; here it is an error with a
 * position, and so is everything that could call code, include a file or grow without bound.
 */
import Mustache, { type TemplateSpans } from 'mustache';

export type TemplateValue = string | number;
export type TemplateItem = Readonly<Record<string, TemplateValue>>;

/** Values by their full dotted name, and lists by name. */
export interface TemplateVariables {
  readonly values: Readonly<Record<string, TemplateValue>>;
  readonly lists: Readonly<Record<string, readonly TemplateItem[]>>;
  /** Why a name that somebody may expect is not there, by name. */
  readonly absent: Readonly<Record<string, string>>;
  /** Names of the fields that every item of a list has. */
  readonly itemFields: Readonly<Record<string, readonly string[]>>;
}

export interface TemplateFault {
  readonly line: number;
  readonly column: number;
  readonly what: string;
}

export type TemplateResult =
  | { readonly kind: 'Rendered'; readonly text: string }
  | { readonly kind: 'Faulty'; readonly fault: TemplateFault };

interface Finding {
  readonly offset: number;
  readonly what: string;
}

type Parsed = { readonly spans: TemplateSpans } | Finding;

/** A template as parsed once: the library takes a token per character, which is the dear part. */
export interface Template {
  readonly text: string;
  /** Keeps the parsed text; one for each template, because the library's shared one keeps all it ever met. */
  readonly writer: Mustache.Writer;
  readonly parsed: Parsed;
}

export function parseTemplate(text: string): Template {
  const writer = new Mustache.Writer();
  return { text, writer, parsed: parse(text, writer) };
}

export function renderTemplate({ text, writer, parsed }: Template, variables: TemplateVariables): TemplateResult {
  const finding = 'spans' in parsed ? check(parsed.spans, variables, null) : parsed;
  if (finding !== null) return { kind: 'Faulty', fault: { ...position(text, finding.offset), what: finding.what } };
  return { kind: 'Rendered', text: writer.render(text, nested(variables), undefined, { escape: String }) };
}

function parse(template: string, writer: Mustache.Writer): Parsed {
  try {
    return { spans: writer.parse(template) };
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    const place = /^(.*) at (\d+)$/s.exec(message);
    if (place !== null) return { offset: startOf(template, Number(place[2])), what: lowerFirst(place[1] ?? '') };
    return {
      offset: Math.max(0, template.indexOf('{{=')),
      what: 'the delimiters that this tag sets are not two words',
    };
  }
}

/** The library names the end of the text where a tag or section is not closed; a person looks for the last tag. */
function startOf(template: string, offset: number): number {
  return offset < template.length ? offset : Math.max(0, template.lastIndexOf('{{'));
}

function check(spans: TemplateSpans, variables: TemplateVariables, list: string | null): Finding | null {
  for (const span of spans) {
    const what = faultOf(span[0], span[1], variables, list);
    if (what !== null) return { offset: span[2], what };
    const inner = span[4];
    const finding = Array.isArray(inner) ? check(inner, variables, span[0] === '#' ? span[1] : list) : null;
    if (finding !== null) return finding;
  }
  return null;
}

function faultOf(type: string, name: string, variables: TemplateVariables, list: string | null): string | null {
  switch (type) {
    case 'name':
    case '&':
      return variableFault(name, variables, list);
    case '#':
      // Each level multiplies the text by the length of the list.
      if (list !== null) return `section ${name} stands inside section ${list}; sections cannot be nested`;
      return sectionFault(name, variables);
    case '^':
      return sectionFault(name, variables);
    case '>':
      return `partial ${name}: there are no partials`;
    default:
      return null;
  }
}

function variableFault(name: string, variables: TemplateVariables, list: string | null): string | null {
  if (Object.hasOwn(variables.values, name)) return null;
  if (list !== null && (variables.itemFields[list] ?? []).includes(name)) return null;
  if (Object.hasOwn(variables.lists, name)) return `${name} is a list; write {{#${name}}}…{{/${name}}}`;
  const why = Object.hasOwn(variables.absent, name) ? variables.absent[name] : undefined;
  return `unknown variable ${name}${why === undefined ? '' : `: ${why}`}`;
}

function sectionFault(name: string, variables: TemplateVariables): string | null {
  if (Object.hasOwn(variables.lists, name)) return null;
  const lists = Object.keys(variables.lists).join(', ');
  return `section ${name}: a section needs a list, and the only one is ${lists}`;
}

/** `a.b.c` as nested objects, as the library looks names up. */
function nested({ values, lists }: TemplateVariables): object {
  const root = new Map<string, unknown>(Object.entries(lists));
  for (const [name, value] of Object.entries(values)) place(root, name.split('.'), value);
  return toObject(root);
}

function place(into: Map<string, unknown>, [head = '', ...rest]: readonly string[], value: TemplateValue): void {
  if (rest.length === 0) {
    into.set(head, value);
    return;
  }
  const known = into.get(head);
  const below: Map<string, unknown> = known instanceof Map ? known : new Map();
  into.set(head, below);
  place(below, rest, value);
}

function toObject(tree: ReadonlyMap<string, unknown>): object {
  const entries = [...tree].map(([key, value]) => [key, value instanceof Map ? toObject(value) : value]);
  return Object.fromEntries(entries);
}

/** Counted from 1, as editors do. */
function position(template: string, offset: number): { line: number; column: number } {
  const before = template.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
