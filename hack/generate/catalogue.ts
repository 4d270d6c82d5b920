/** Everything in the repository that is generated; `npm run generate` writes it and a test checks it for drift. */
import { alertFiles } from './alerts.ts';
import { chartCrdFiles } from './chart-crds.ts';
import { crdFiles } from './crds.ts';
import { decisionsFile } from './decisions.ts';
import type { GeneratedFile } from './generated-file.ts';
import { metricsFile } from './metrics.ts';
import { referenceFile } from './reference.ts';

export function generatedFiles(): GeneratedFile[] {
  return [...crdFiles(), ...chartCrdFiles(), referenceFile(), metricsFile(), decisionsFile(), ...alertFiles()];
}
