import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { parseTemplate, renderTemplate, type TemplateVariables } from '../../../src/route/templates.ts';

const variables: TemplateVariables = {
  values: { name: 'orders', epoch: 7, primary: '', 'readWrite.host': 'rw.example', 'readWrite.port': 5432 },
  lists: {
    readers: [
      { name: 'm2', host: 'm2.example', port: 5432 },
      { name: 'm3', host: 'm3.example', port: 5433 },
    ],
  },
  itemFields: { readers: ['name', 'host', 'port'] },
  absent: { 'readWrite.password': 'ConfigMaps hold no logins; use spec.routes.secrets' },
};

const render = (template: string) => renderTemplate(parseTemplate(template), variables);

describe('a template', () => {
  test.each([
    ['', ''],
    ['plain text, even with } and { and {}', 'plain text, even with } and { and {}'],
    ['postgres://{{readWrite.host}}:{{ readWrite.port }}/orders', 'postgres://rw.example:5432/orders'],
    ['{{{name}}}{{& name}}', 'ordersorders'],
    [
      '{{#readers}}{{name}}={{host}}:{{port}} of {{epoch}};{{/readers}}',
      'm2=m2.example:5432 of 7;m3=m3.example:5433 of 7;',
    ],
    ['{{^readers}}none{{/readers}}', ''],
    ['{{! a comment }}x', 'x'],
    ['{{=<% %>=}}{{name}} <%name%>', '{{name}} orders'],
    ['[{{primary}}]', '[]'],
  ])('%j renders as %j', (template, text) => {
    expect(render(template)).toEqual({ kind: 'Rendered', text });
  });

  it('renders values as they are: nothing is escaped for HTML', () => {
    const result = renderTemplate(parseTemplate('{{v}}'), { ...variables, values: { v: `<&'"/\`=>` } });
    expect(result).toEqual({ kind: 'Rendered', text: `<&'"/\`=>` });
  });

  it('renders the inverted section of an empty list', () => {
    const empty = { ...variables, lists: { readers: [] } };
    expect(renderTemplate(parseTemplate('{{#readers}}x{{/readers}}{{^readers}}none{{/readers}}'), empty)).toMatchObject(
      {
        text: 'none',
      },
    );
  });

  test.each([
    ['{{readWrite.hots}}', 1, 1, 'unknown variable readWrite.hots'],
    ['a\nbc {{nope}}', 2, 4, 'unknown variable nope'],
    ['{{readWrite}}', 1, 1, 'unknown variable readWrite'],
    ['{{toString}}', 1, 1, 'unknown variable toString'],
    ['{{constructor.name}}', 1, 1, 'unknown variable constructor.name'],
    ['{{__proto__}}', 1, 1, 'unknown variable __proto__'],
    ['{{.}}', 1, 1, 'unknown variable .'],
    ['{{}}', 1, 1, 'unknown variable '],
    ['{{host}}', 1, 1, 'unknown variable host'],
    ['{{#readers}}\n  {{zone}}{{/readers}}', 2, 3, 'unknown variable zone'],
    [
      '{{readWrite.password}}',
      1,
      1,
      'unknown variable readWrite.password: ConfigMaps hold no logins; use spec.routes.secrets',
    ],
    ['{{readers}}', 1, 1, 'readers is a list; write {{#readers}}…{{/readers}}'],
    ['{{> other}}', 1, 1, 'partial other: there are no partials'],
    ['{{#name}}x{{/name}}', 1, 1, 'section name: a section needs a list, and the only one is readers'],
    ['{{^primary}}x{{/primary}}', 1, 1, 'section primary: a section needs a list, and the only one is readers'],
    [
      '{{#readers}}{{#readers}}x{{/readers}}{{/readers}}',
      1,
      13,
      'section readers stands inside section readers; sections cannot be nested',
    ],
    ['x {{name', 1, 3, 'unclosed tag'],
    ['{{#readers}}x', 1, 1, 'unclosed section "readers"'],
    ['x{{/readers}}', 1, 2, 'unopened section "readers"'],
    ['x {{=<%=}}', 1, 3, 'the delimiters that this tag sets are not two words'],
  ])('%j is refused at %d:%d', (template, line, column, what) => {
    expect(render(template)).toEqual({ kind: 'Faulty', fault: { line, column, what } });
  });

  it('never throws and never leaves a tag behind unnoticed, whatever stands in it', () => {
    const piece = fc.constantFrom(
      '{{',
      '}}',
      '{{{',
      '}}}',
      '#',
      '/',
      '^',
      '>',
      '=',
      '!',
      '&',
      '.',
      'readers',
      'name',
      ' ',
      '\n',
      '<%',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const template = pieces.join('');
        const result = render(template);
        if (result.kind === 'Faulty') {
          const lines = template.split('\n');
          expect(result.fault.line).toBeLessThanOrEqual(lines.length);
          expect(result.fault.column).toBeLessThanOrEqual((lines[result.fault.line - 1] ?? '').length + 1);
        } else if (!template.includes('=')) {
          expect(result.text).not.toContain('{{');
        }
      }),
      { numRuns: 1000 },
    );
  });
});
