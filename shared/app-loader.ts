/**
 * From `module:callable` to an Application. In goes what the reader typed, out comes a function; every way
 * this can fail is told apart. It knows nothing of any framework, and nothing of any server.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { PythonOptions } from './adapters/python-app.ts';
import type { Application } from './wsgi.ts';

const APPS = path.join(import.meta.dirname, 'apps');
const EXTENSIONS = ['.ts', '.mts', '.js', '.mjs', '.cjs', '.py'];

/** Why no application could be had; its message is for the person who typed the name. */
export class LoadError extends Error {}

/**
 * Loads `module:callable`. The module is searched as a path, then in the working directory, then among the
 * example apps; its extension may be left out. The options are for applications in Python. Rejects with a
 * LoadError.
 */
export async function loadApplication(
  name: string,
  options: PythonOptions = {},
): Promise<Application> {
  const [, moduleName, attribute] = /^(.+):([^:/\\]+)$/.exec(name) ?? [];
  if (!moduleName || !attribute) {
    throw new LoadError(
      `Provide a WSGI application object as module:callable; '${name}' is not of that form`,
    );
  }
  const file = findModule(moduleName);
  if (file.endsWith('.py')) return loadPython(file, attribute, options);
  const exports = await importModule(file);
  if (!(attribute in exports)) {
    const names = Object.keys(exports).join(', ') || 'nothing';
    throw new LoadError(`No '${attribute}' in ${relative(file)}; it exports ${names}`);
  }
  const application = exports[attribute];
  if (typeof application !== 'function') {
    throw new LoadError(
      `'${attribute}' in ${relative(file)} is not callable: it is of type ${typeof application}`,
    );
  }
  return application as Application;
}

/** The example apps, as the names one types: without the extension, unless that would find another file. */
export function exampleApps(): string[] {
  const files = readdirSync(APPS).filter((file) => /^\w+app\.\w+$/.test(file));
  return files.map((file) => {
    const { name } = path.parse(file);
    return file === path.basename(findModule(path.join(APPS, name)))
      ? `${name}:app`
      : `${file}:app`;
  });
}

function findModule(moduleName: string): string {
  const folders = [process.cwd(), APPS];
  const candidates = [...new Set(folders.map((folder) => path.resolve(folder, moduleName)))];
  for (const candidate of candidates) {
    for (const file of [candidate, ...EXTENSIONS.map((extension) => candidate + extension)]) {
      if (existsSync(file) && statSync(file).isFile()) return file;
    }
  }
  throw new LoadError(
    `No module '${moduleName}'; looked for ${candidates.map(relative).join(' and ')}, ` +
      `as they are and with ${EXTENSIONS.join(' ')}`,
  );
}

async function importModule(file: string): Promise<Record<string, unknown>> {
  try {
    return await import(pathToFileURL(file).href);
  } catch (error) {
    const stack = error instanceof Error ? error.stack : String(error);
    throw new LoadError(`${relative(file)} was found, but failed to load:\n${stack}`);
  }
}

async function loadPython(
  file: string,
  attribute: string,
  options: PythonOptions,
): Promise<Application> {
  const { loadPythonApplication } = await import('./adapters/python-app.ts');
  return loadPythonApplication(file, attribute, options).catch((error) => {
    throw new LoadError((error as Error).message);
  });
}

function relative(file: string): string {
  const shown = path.relative(process.cwd(), file);
  return shown.startsWith('..') ? file : shown;
}
