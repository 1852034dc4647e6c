/** The house rules: which room may open which door, no circles, and how large the rooms are. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { STAGES, type Stage } from '../stages.ts';
import { ROOT } from './server-process.ts';

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|(?<!-)\bimport\s*\(?\s*['"]([^'"]+)['"]/g;

/** All TypeScript files of the project, and the imports of each: paths from the root, or package names. */
const files = new Map<string, string[]>();
for (const folder of ['part1', 'part2', 'part3', 'shared']) {
  for (const file of readTree(folder)) files.set(file, importsOf(file));
}
const isTest = (file: string) => file.endsWith('.test.ts') || /^part\d\/test\//.test(file);
const isCheck = (file: string) => /^part\d\/checks\//.test(file);
const isStarter = (file: string) => /^part\d\/start\//.test(file);
const partOf = (file: string) => /^part\d/.exec(file)?.[0];
const isOurs = (target: string) => files.has(target);

function readTree(folder: string): string[] {
  try {
    return readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter(
        (file) =>
          file.endsWith('.ts') && !/node_modules|^my\/|^book\/(cache|\.vitepress)/.test(file),
      )
      .map((file) => path.join(folder, file));
  } catch {
    return []; // a part that is still to come
  }
}

function importsOf(file: string): string[] {
  const text = readFileSync(path.join(ROOT, file), 'utf8');
  return [...text.matchAll(IMPORT)].map(([, from, dynamic]) => {
    const target = from ?? dynamic ?? '';
    return target.startsWith('.') ? path.join(path.dirname(file), target) : target;
  });
}

/** Every import that breaks the rule, as "file -> target". */
function breaches(mayImport: (target: string) => boolean, inFiles: (file: string) => boolean) {
  return [...files]
    .filter(([file]) => inFiles(file))
    .flatMap(([file, targets]) => targets.map((target) => [file, target] as const))
    .filter(([, target]) => !mayImport(target))
    .map(([file, target]) => `${file} -> ${target}`);
}

test('the imports are found at all: types, values, and those made at run time', () => {
  expect(files.get('part2/webserver2.ts')).toEqual(
    expect.arrayContaining(['node:net', 'part2/wsgi.ts', 'part2/http.ts', 'shared/app-loader.ts']),
  );
  for (const { file } of STAGES) expect(files.has(file)).toBe(true);
});

test('every relative import leads to a file that is there', () => {
  const leads = (target: string) => isOurs(target) || !/^(part\d|shared)\//.test(target);
  expect(breaches(leads, () => true)).toEqual([]);
});

describe('doors', () => {
  test('a part never imports another part', () => {
    for (const part of ['part1', 'part2', 'part3']) {
      const isOwn = (target: string) => [undefined, part].includes(partOf(target));
      expect(breaches(isOwn, (file) => partOf(file) === part)).toEqual([]);
    }
  });

  test('a part stands on node:* and itself alone; only a gateway asks the loader for an app', () => {
    const allowed = (target: string) =>
      target.startsWith('node:') || partOf(target) || target === 'shared/app-loader.ts';
    const isPart = (file: string) =>
      Boolean(partOf(file)) && !isTest(file) && !isCheck(file) && !isStarter(file);
    expect(breaches((target) => Boolean(allowed(target)), isPart)).toEqual([]);
    const gateways = STAGES.filter(({ can }) => can.includes('gateway')).map(({ file }) => file);
    const usesLoader = [...files.keys()].filter(
      (file) => isPart(file) && files.get(file)?.includes('shared/app-loader.ts'),
    );
    expect(gateways).toEqual(expect.arrayContaining(usesLoader));
  });

  test('in part 3 arrows point server -> gateway -> http, and only server knows sockets and clocks', () => {
    const rooms = ['part3/http/', 'part3/gateway/', 'part3/server/'];
    for (const [index, room] of rooms.entries()) {
      const open = rooms.slice(0, index + 1);
      const mayOpen = (target: string) =>
        target.startsWith('node:') || open.some((own) => target.startsWith(own));
      expect(breaches(mayOpen, (file) => file.startsWith(room))).toEqual([]);
    }
    const isWorldly = /^node:(?!util$)/;
    const isPure = (target: string) => !isWorldly.test(target);
    const others = rooms.slice(0, 2);
    expect(breaches(isPure, (file) => others.some((room) => file.startsWith(room)))).toEqual([]);
  });

  test('the small stages are whole programs: they import nothing but node:*', () => {
    const isSmall = ({ id, can }: Stage) => !can.includes('gateway') && id !== '3i'; // which opens the first room
    const small = STAGES.filter(isSmall).map(({ file }) => file);
    expect(
      breaches(
        (target) => target.startsWith('node:'),
        (file) => small.includes(file),
      ),
    ).toEqual([]);
  });

  test('what is shared never imports a part: it starts it, or is given it', () => {
    expect(
      breaches(
        (target) => !partOf(target),
        (file) => file.startsWith('shared/'),
      ),
    ).toEqual([]);
  });

  test('a check stands on the engine and the harness, and knows no other check', () => {
    const mayCheck = (target: string) =>
      /^node:|^shared\/(checks|harness)\//.test(target) || target.endsWith('/lines.ts');
    expect(breaches(mayCheck, isCheck)).toEqual([]);
  });

  test('what the reader begins with stands on what is shared, as the reader will', () => {
    const mayStarter = (target: string) => /^node:|^shared\/(?!checks|harness)/.test(target);
    expect(breaches(mayStarter, isStarter)).toEqual([]);
  });

  test('no arrow runs back up: harness and weave know no check, and harness no weave', () => {
    const isBelow = (file: string) => /^shared\/(harness|weave|bench|adapters|apps)\//.test(file);
    expect(breaches((target) => !target.startsWith('shared/checks/'), isBelow)).toEqual([]);
    const isHarness = (file: string) => file.startsWith('shared/harness/');
    const mayHarness = (target: string) => !/^shared\/(checks|weave|bench)\//.test(target);
    expect(breaches(mayHarness, isHarness)).toEqual([]);
  });

  test('adapters and apps know no server, and no adapter a framework', () => {
    const isAdapter = (file: string) => file.startsWith('shared/adapters/') && !isTest(file);
    const mayAdapter = (target: string) =>
      target.startsWith('node:') ||
      target === 'shared/wsgi.ts' ||
      target.startsWith('shared/adapters/');
    expect(breaches(mayAdapter, isAdapter)).toEqual([]);
    const mayApp = (target: string) => !isOurs(target) || mayAdapter(target);
    const isApp = (file: string) =>
      file.startsWith('shared/apps/') && file !== 'shared/apps/book.ts';
    expect(breaches(mayApp, isApp)).toEqual([]);
  });

  test('the book has one door, and what runs in the gateway with it knows the contract alone', () => {
    const isElsewhere = (file: string) => !/^shared\/(book\/|apps\/book\.ts)/.test(file);
    expect(breaches((target) => !target.startsWith('shared/book/'), isElsewhere)).toEqual([]);
    const inside = ['app', 'site', 'render'].map((name) => `shared/book/${name}.ts`);
    const mayInside = (target: string) =>
      /^node:|^shared\/wsgi\.ts$/.test(target) || inside.includes(target);
    expect(breaches(mayInside, (file) => inside.includes(file))).toEqual([]);
  });

  test('a server has never heard of a framework', () => {
    const names = /express|koa|fastify|hono|flask|django|pyramid/i;
    const heard = [...files.keys()].filter(
      (file) =>
        partOf(file) &&
        !isTest(file) &&
        !isCheck(file) &&
        names.test(readFileSync(path.join(ROOT, file), 'utf8')),
    );
    expect(heard).toEqual([]);
  });
});

test('no circles', () => {
  const done = new Set<string>();
  const visit = (file: string, trail: string[]): void => {
    expect(trail, `a circle: ${[...trail, file].join(' -> ')}`).not.toContain(file);
    if (done.has(file)) return;
    for (const target of files.get(file)?.filter(isOurs) ?? []) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of files.keys()) visit(file, []);
  expect(done.size).toBe(files.size);
});

test('each part declares the contract for itself, and in the same words', () => {
  const [ours, ...others] = ['shared/wsgi.ts', 'part2/wsgi.ts', 'part3/gateway/wsgi.ts'].map(
    (file) => readFileSync(path.join(ROOT, file), 'utf8'),
  );
  for (const theirs of others) expect(theirs).toBe(ours);
});

test('sizes, to be looked at', () => {
  const lines = (file: string) =>
    readFileSync(path.join(ROOT, file), 'utf8').split('\n').length - 1;
  const rows = [...files.keys()].filter((file) => !isTest(file)).sort();
  console.log(rows.map((file) => `${String(lines(file)).padStart(5)}  ${file}`).join('\n'));
  expect(rows.length).toBeGreaterThan(STAGES.length);
});
