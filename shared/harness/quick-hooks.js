/** Node's hook for modules: TypeScript comes in, JavaScript goes out, from a cache that is keyed by the text. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = path.join(import.meta.dirname, '../../node_modules/.cache/quick');

/** @type {import('node:module').LoadHook} */
export async function load(url, context, nextLoad) {
  if (!/^file:.*\.ts(\?|$)/.test(url)) return nextLoad(url, context);
  const text = readFileSync(fileURLToPath(url), 'utf8');
  const file = path.join(CACHE, `${createHash('sha256').update(text).digest('hex')}.mjs`);
  return {
    format: 'module',
    source: read(file) ?? (await compile(text, file)),
    shortCircuit: true,
  };
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // not compiled yet
  }
}

/** @param {string} text @param {string} file */
async function compile(text, file) {
  const { transform } = await import('esbuild'); // tsx brings it, and uses it for the same
  const { code } = await transform(text, { loader: 'ts', format: 'esm', target: 'node20' });
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(`${file}.${process.pid}`, code);
  renameSync(`${file}.${process.pid}`, file); // whole, or not there: others may be doing the same
  return code;
}
