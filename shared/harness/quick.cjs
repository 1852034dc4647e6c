/**
 * What tsx does for a program of ours, for the tests, which start some thousand of them: what was compiled once stays
 * compiled, under a name made of its text. `node --require ./shared/harness/quick.cjs program.ts`
 */
const { mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { fileURLToPath, pathToFileURL } = require('node:url');

const CACHE = path.join(__dirname, '../../node_modules/.cache/quick');
Module.enableCompileCache?.(CACHE); // for packages: what V8 has made of them once; Node.js 20 has no such thing

/** The JavaScript of a file in TypeScript. @param {string} file */
function compile(file) {
  const text = readFileSync(file, 'utf8');
  const compiled = path.join(CACHE, `${nameOf(text)}.mjs`);
  try {
    return readFileSync(compiled, 'utf8');
  } catch {
    const { transformSync } = require('esbuild'); // tsx brings it, and uses it for the same
    const { code } = transformSync(text, { loader: 'ts', format: 'esm', target: 'node20' });
    mkdirSync(CACHE, { recursive: true });
    writeFileSync(`${compiled}.${process.pid}`, code);
    renameSync(`${compiled}.${process.pid}`, compiled); // whole, or not there: others may be doing the same
    return code;
  }
}

/** 64 bits of a text, and its length. node:crypto would do it, too, and takes a tenth of a start to load. @param {string} text */
function nameOf(text) {
  let [one, other] = [0xdeadbeef, 0x41c6ce57];
  for (let i = 0; i < text.length; i++) {
    one = Math.imul(one ^ text.charCodeAt(i), 0x9e3779b1);
    other = Math.imul(other ^ text.charCodeAt(i), 0x5f356495);
  }
  return [one >>> 0, other >>> 0, text.length].map((number) => number.toString(16)).join('-');
}

if (Module.registerHooks) {
  Module.registerHooks({
    load(url, context, nextLoad) {
      if (!/^file:.*\.ts$/.test(url)) return nextLoad(url, context);
      return { format: 'module', source: compile(fileURLToPath(url)), shortCircuit: true };
    },
  });
} else {
  linkOurselves();
}

/**
 * Node.js 20 has hooks in a thread of their own only, and to start that takes longer than most of our programs. So they
 * are linked here, by way of node:vm (`--experimental-vm-modules`); what is not TypeScript of ours comes by import().
 */
function linkOurselves() {
  const vm = require('node:vm');
  /** By URL, or by the name of a package. @type {Map<string, Promise<import('node:vm').Module>>} */
  const modules = new Map();
  const evaluated = new Map();
  let linking = Promise.resolve();

  async function find(specifier, parent) {
    const isFile = /^(\.|\/|file:)/.test(specifier);
    const url = isFile ? new URL(specifier, parent).href : specifier;
    const isOurs = isFile && url.endsWith('.ts');
    const key = isOurs ? pathToFileURL(realpathSync(fileURLToPath(url))).href : url;
    if (!modules.has(key)) modules.set(key, isOurs ? fromText(key) : fromImport(key));
    return modules.get(key);
  }

  async function fromText(url) {
    const filename = fileURLToPath(url);
    return new vm.SourceTextModule(compile(filename), {
      identifier: url,
      initializeImportMeta: (meta) =>
        Object.assign(meta, { url, filename, dirname: path.dirname(filename) }),
      importModuleDynamically: (specifier) => load(specifier, url),
    });
  }

  async function fromImport(name) {
    // What is built in is here without import(), whose first call takes longer than most of our programs.
    const builtIn = Module.isBuiltin(name) && require(name);
    const exported = builtIn ? { default: builtIn, ...builtIn } : await import(name);
    const names = Object.keys(exported);
    return new vm.SyntheticModule(names, function () {
      for (const each of names) this.setExport(each, exported[each]);
    });
  }

  const findFor = (specifier, { identifier }) => find(specifier, identifier);

  async function load(specifier, parent) {
    const module = await find(specifier, parent);
    const isLinked = linking.then(() => module.status === 'unlinked' && module.link(findFor));
    linking = isLinked.catch(() => {}); // one after the other: what two of them import is linked once
    await isLinked;
    if (!evaluated.has(module)) evaluated.set(module, module.evaluate());
    await evaluated.get(module);
    return module;
  }

  const { runMain } = Module;
  Module.runMain = (main = process.argv[1]) => {
    if (!main?.endsWith('.ts')) return runMain(main);
    load(pathToFileURL(path.resolve(main)).href).catch((error) => {
      process.nextTick(() => {
        throw error; // as what main throws is: uncaught
      });
    });
  };
}
