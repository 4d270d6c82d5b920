/** `npm run generate`: writes every generated file. With `--check` it writes nothing and fails when one has drifted. */
import { generatedFiles } from './catalogue.ts';
import { hasDrifted, write } from './generated-file.ts';

const files = generatedFiles();

if (process.argv.includes('--check')) {
  const drifted: string[] = [];
  for (const file of files) if (await hasDrifted(file)) drifted.push(file.path);
  for (const path of drifted) console.error(`${path} differs from its source; run: npm run generate`);
  process.exitCode = drifted.length === 0 ? 0 : 1;
} else {
  for (const file of files) await write(file);
  console.log(`wrote ${files.map((file) => file.path).join(', ')}`);
}
