import { spawn } from 'node:child_process';

/** Runs kubectl with the world's KUBECONFIG; rejects with what it said on stderr. */
export function kubectl(args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('kubectl', args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: 30_000 });
    let out = '';
    let error = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      error += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(out);
      else reject(new Error(`kubectl ${args.join(' ')}: ${error.trim() || `exit code ${code}`}`));
    });
    child.stdin.end(input);
  });
}

export async function applyObjects(objects: readonly object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  await kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], JSON.stringify(list));
}
