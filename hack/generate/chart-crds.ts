/** The CRDs once more, below `files/` of the Helm chart: a chart reads only its own folder, and its `crds/` is never upgraded. */
import { crdFiles } from './crds.ts';
import type { GeneratedFile } from './generated-file.ts';

const FOLDER = 'charts/database-failover-operator';

export function chartCrdFiles(): GeneratedFile[] {
  return crdFiles().map(({ path, text }) => ({ path: `${FOLDER}/files/${path}`, text }));
}
