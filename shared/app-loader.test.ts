import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { exampleApps, LoadError, loadApplication } from './app-loader.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'apps-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const full = path.join(folder, name);
  writeFileSync(full, text);
  return full;
}

test('finds a module as a path, with or without its extension, and among the example apps', async () => {
  const full = file('mine.mjs', 'export const app = () => []; export default app;');
  expect(await loadApplication(`${full}:app`)).toBeTypeOf('function');
  expect(await loadApplication(`${full.replace('.mjs', '')}:app`)).toBeTypeOf('function');
  expect(await loadApplication(`${full}:default`)).toBeTypeOf('function');
  expect(await loadApplication('wsgiapp:app')).toBeTypeOf('function');
});

test('finds a module in the working directory before the example apps', async () => {
  file('wsgiapp.mjs', 'export const mine = () => [];');
  const before = process.cwd();
  process.chdir(folder);
  try {
    expect(await loadApplication('wsgiapp:mine')).toBeTypeOf('function');
  } finally {
    process.chdir(before);
  }
});

test('lists the example apps', () => {
  expect(exampleApps()).toEqual(
    expect.arrayContaining(['wsgiapp:app', 'wsgiapp.py:app', 'expressapp:app', 'flaskapp:app']),
  );
  expect(new Set(exampleApps()).size).toBe(exampleApps().length);
});

test.each([
  ['what is not of the form', 'wsgiapp', /module:callable; 'wsgiapp' is not of that form/],
  ['no such module, and where it looked', 'nope:app', /No module 'nope'; looked for .*nope/],
  ['no such name, and the names there are', 'wsgiapp:nope', /No 'nope' in .*; it exports app$/],
])('tells %s', async (_title, name, message) => {
  const failure = loadApplication(name);
  await expect(failure).rejects.toBeInstanceOf(LoadError);
  await expect(failure).rejects.toThrow(message);
});

test('tells a module that fails to load, with its own stack', async () => {
  const broken = file('broken.mjs', 'export const app = undefinedVariable.app;');
  const failure = loadApplication(`${broken}:app`);
  await expect(failure).rejects.toThrow(/failed to load:\nReferenceError: undefinedVariable/);
  await expect(failure).rejects.toThrow(/broken\.mjs:1/);
});

test('tells what is not callable', async () => {
  const number = file('number.mjs', 'export const app = 42;');
  await expect(loadApplication(`${number}:app`)).rejects.toThrow(
    /not callable: it is of type number/,
  );
});
