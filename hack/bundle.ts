/**
 * Bundles the operator into one file, `dist/main.js`. Our dependencies stay packages, except the Kubernetes client: it
 * loads classes for every kind there is (38 MiB of memory), of which we use the reading of kubeconfigs and credentials.
 */
import { resolve } from 'node:path';
import { rolldown } from 'rolldown';
import manifest from '../package.json' with { type: 'json' };

const ROOT = resolve(import.meta.dirname, '..');
const BUNDLED = '@kubernetes/client-node';
const packages = Object.keys(manifest.dependencies).filter((name) => name !== BUNDLED);

/** @throws when the source does not parse or an import is not found; types are `npm run types`' business. */
export async function bundleOperator(file: string = resolve(ROOT, 'dist', 'main.js')): Promise<void> {
  const bundle = await rolldown({
    input: resolve(ROOT, 'src', 'main.ts'),
    platform: 'node',
    external: (id) => packages.some((name) => id === name || id.startsWith(`${name}/`)),
    // Its modules do nothing when they are loaded, and do not say so.
    treeshake: { moduleSideEffects: (id) => !id.includes(`/node_modules/${BUNDLED}/`) },
  });
  await bundle.write({ file, format: 'esm', sourcemap: true });
  await bundle.close();
}

if (import.meta.main) await bundleOperator();
