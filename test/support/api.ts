/** A thin client of the API server named by KUBECONFIG, for tests that ask it what it accepts. */
import { readFile } from 'node:fs/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { Agent, request } from 'undici';
import { z } from 'zod';

const object = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string().optional(), namespace: z.string().optional() }),
});
/** Any Kubernetes object; fields beyond the three are `unknown`. */
export type ApiObject = z.output<typeof object>;

const failure = z.object({
  message: z.string(),
  details: z
    .object({ causes: z.array(z.object({ field: z.string().default(''), message: z.string() })).default([]) })
    .prefault({}),
});

/** Why the API server refused an object; `causes` are its sentences by field. */
export type Refusal = z.output<typeof failure> & { readonly code: number };

export type Reply =
  | { readonly accepted: true; readonly object: ApiObject }
  | { readonly accepted: false; readonly refusal: Refusal };

const CALL_DEADLINE_MS = 15_000;

export class TestApi {
  readonly #server: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent: Agent;

  constructor(server: string, headers: Readonly<Record<string, string>>, agent: Agent) {
    this.#server = server;
    this.#headers = headers;
    this.#agent = agent;
  }

  create(body: ApiObject, options: { readonly dryRun?: boolean } = {}): Promise<Reply> {
    return this.call('POST', `${collection(body)}${options.dryRun === true ? '?dryRun=All' : ''}`, body);
  }

  /** Server-side apply by the manager `test`. */
  apply(body: ApiObject): Promise<Reply> {
    const path = `${collection(body)}/${body.metadata.name}?fieldManager=test&force=true`;
    return this.call('PATCH', path, body, 'application/apply-patch+yaml');
  }

  get(body: ApiObject): Promise<Reply> {
    return this.call('GET', `${collection(body)}/${body.metadata.name}`);
  }

  mergePatch(body: ApiObject, patch: unknown, subresource: '' | '/status' = ''): Promise<Reply> {
    const path = `${collection(body)}/${body.metadata.name}${subresource}`;
    return this.call('PATCH', path, patch, 'application/merge-patch+json');
  }

  async delete(body: ApiObject): Promise<void> {
    await this.raw('DELETE', `${collection(body)}/${body.metadata.name}`);
  }

  async call(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<Reply> {
    const { code, json } = await this.raw(method, path, body, contentType);
    return code < 300
      ? { accepted: true, object: object.parse(json) }
      : { accepted: false, refusal: { code, ...failure.parse(json) } };
  }

  async raw(method: string, path: string, body?: unknown, contentType = 'application/json') {
    const reply = await request(`${this.#server}${path}`, {
      method,
      headers: { ...this.#headers, 'content-type': contentType },
      body: body === undefined ? null : JSON.stringify(body),
      dispatcher: this.#agent,
      signal: AbortSignal.timeout(CALL_DEADLINE_MS),
    });
    const text = await reply.body.text();
    const isJson = String(reply.headers['content-type']).includes('json');
    const json: unknown = isJson ? JSON.parse(text) : { message: text };
    return { code: reply.statusCode, json };
  }

  close(): Promise<void> {
    return this.#agent.close();
  }
}

export async function connect(): Promise<TestApi> {
  const file = process.env.KUBECONFIG;
  if (file === undefined) throw new Error('KUBECONFIG is not set; run inside the world: npm run world -- COMMAND');
  const config = new KubeConfig();
  config.loadFromFile(file);
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  if (cluster === null || user === null) throw new Error(`${file} has no current context`);
  const [ca, cert, key] = await Promise.all([
    pem(cluster.caData, cluster.caFile),
    pem(user.certData, user.certFile),
    pem(user.keyData, user.keyFile),
  ]);
  const agent = new Agent({
    allowH2: false,
    connect: {
      rejectUnauthorized: !cluster.skipTLSVerify,
      ...(ca === null ? {} : { ca }),
      ...(cert === null ? {} : { cert }),
      ...(key === null ? {} : { key }),
    },
  });
  return new TestApi(cluster.server, user.token === undefined ? {} : { authorization: `Bearer ${user.token}` }, agent);
}

async function pem(data: string | undefined, file: string | undefined): Promise<string | null> {
  if (data !== undefined) return Buffer.from(data, 'base64').toString();
  return file === undefined ? null : await readFile(file, 'utf8');
}

/** `/apis/apps/v1/namespaces/shop/deployments` for a Deployment in shop: plurals of the kinds in use are regular. */
function collection({ apiVersion, kind, metadata }: ApiObject): string {
  const prefix = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const namespace = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${prefix}${namespace}/${kind.toLowerCase()}s`;
}
