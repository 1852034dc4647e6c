/**
 * The checks of part 2, checked: what is right passes, what is wrong fails where it should, under its name, and what is
 * right in another way passes, too.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: edits are text of programs
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { quick, ROOT } from '../harness/server-process.ts';
import type { Check } from './check.ts';
import { EXERCISES2 } from './exercises-2.ts';
import { LongTrial, runChecks } from './long-trial.ts';
import { applyEdits, copyMistake, copyPart, type Mistake } from './mistake.ts';
import { MISTAKES2 } from './mistakes-2.ts';
import { PART2 } from './part2.ts';
import { runCheck, type Verdict } from './run-check.ts';
import type { Subject } from './trial.ts';

const SERVER = 'part2/webserver2.ts';
const ours = (file: string): Subject => ({ command: () => quick(file), isOurs: true });
const STARTERS = path.join(ROOT, 'shared/checks/starters');
const MAIN =
  readFileSync(path.join(ROOT, SERVER), 'utf8').split('async function main').at(-1) ?? '';

/** One check after the other on the same processes. */
function verdictsOn(subject: Subject, checks: readonly Check[]) {
  return runChecks(new LongTrial(subject), subject, checks);
}

/** Another one each time: a date of this year, the length of an environ. */
const VARYING =
  /\w{3}, \d\d \w{3} 20[2-9]\d [\d:]{8} GMT|20[2-9]\d-\d\d-\d\dT[\d:.]+Z|\d{3,}(?= bytes came)/g;

const failures = (verdicts: readonly Verdict[]) =>
  verdicts.flatMap(({ check, failure }) =>
    failure ? [`${check.id}: ${failure.message.replace(VARYING, 'NOW')}`] : [],
  );

describe.concurrent('part 2', () => {
  test('the checks are the twelve of the ladder, in its order', ({ expect }) => {
    const ids = PART2.map(({ id }) => id);
    expect(ids).toEqual(ids.map((_, index) => `2-${`${index + 1}`.padStart(2, '0')}`));
    expect(ids).toHaveLength(12);
  });

  test('2a, which has no socket, fails the first', async () => {
    const { failure } = await runCheck(first(), ours('part2/2a-run-application.ts'));
    expect(failure?.message).toBe('Your program ended before it was ready');
    expect(failure?.details.cause).toBe('did not start');
  });

  test('the starter runs, and fails the first check: nobody calls the application', async () => {
    const copy = copyStarter('part2.ts', 'server.ts');
    const { failure } = await runCheck(first(), copy.subject);
    copy.remove();
    expect(failure?.message).toBe(
      'GET /hello of wsgiapp:app: expected 200, got 501 Not Implemented',
    );
    expect(failure?.details.received?.toString()).toContain('The application was not called.');
  });
});

describe.concurrent('what is right in another way passes', () => {
  test('one on node:http, with chunks and keep-alive', async () => {
    const subject = ours('shared/checks/fair/node-http-2.ts');
    expect(failures(await verdictsOn(subject, PART2))).toEqual([]);
  });

  test('one that sends its own headers first, all in lower case, and a reason of its own', async () => {
    const text = applyEdits('part2/http.ts', [
      [
        'const lines = [`HTTP/1.1 ${status}`, ...headers.map(([name, value]) => `${name}: ${value}`)];',
        'const lines = [`HTTP/1.1 ${status.slice(0, 3)} Whatever`];',
      ],
      ["'Server: WSGIServer/2.0'", "'server: my very own (TypeScript)', 'x-powered-by: coffee'"],
      [
        "lines.push('Connection: close', '', '');",
        "lines.push(...headers.map(([name, value]) => `${name.toLowerCase()}:${value}`), 'connection: close', '', '');",
      ],
    ]);
    const copy = copyPart('part2/http.ts', text, SERVER);
    const checks = PART2.filter(({ id }) => id !== '2-01' && id !== '2-11'); // which look at other things
    const found = failures(await verdictsOn(copy.subject, checks));
    copy.remove();
    expect(found).toEqual([]);
  });
});

describe.concurrent('a known mistake fails its check, and no earlier one', () => {
  test('all have names of their own, and there is one for each check', ({ expect }) => {
    const names = MISTAKES2.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(MISTAKES2.map(({ check }) => check))).toEqual(
      new Set(PART2.map(({ id }) => id)),
    );
  });

  test.each(MISTAKES2)('$check $name', async (mistake) => {
    const copy = copyMistake(mistake);
    const { name, check: id, says, isNamed = true } = mistake;
    const end = PART2.findIndex((check) => check.id === id);
    const checks = PART2.slice(0, end + 1).filter((check) => isConcerned(check, mistake));
    const verdicts = await verdictsOn(copy.subject, checks);
    copy.remove();
    expect(failures(verdicts)).toEqual([`${id}: ${says}`]);
    expect(verdicts.at(-1)?.failure?.details.mistake).toBe(isNamed ? name : undefined);
  });
});

describe.concurrent('exercises', () => {
  test.each(EXERCISES2)('$id: its solution passes', async (check) => {
    expect(failures([await runCheck(check, ours(check.solution))])).toEqual([]);
  });

  test.each(WRONG_EXERCISES)('$id: $name', async ({ id, name, solution, edit, says, ...more }) => {
    const file = `shared/checks/solutions/${solution}.ts`;
    const text = applyEdits(file, 'and' in more ? [edit, more.and] : [edit]);
    const copy = copyPart(`part2/my/${solution}.ts`, text.replaceAll("'../../", "'../../shared/"));
    const { failure } = await runCheck(exercise(id), copy.subject);
    copy.remove();
    expect([failure?.message, failure?.details.mistake]).toEqual([says, name]);
  });

  test.each([
    ['2-x1', 'GET /hello: expected a header X-Elapsed-Ms with a number, got none'],
    ['2-x2', 'GET /: expected 200, got 501 Not Implemented'],
    [
      '2-x3',
      `GET /?name=Zo%C3%AB+B: expected "Hello, Zoë B!" in the page, got "<!doctype html><form method=\\"post\\"><input name=\\"name\\"><button>Say it</button></form>"`,
    ],
    ['2-x4', 'GET /hello/Ada: expected 200, got 501 Not Implemented'],
  ])('%s: its starter fails', async (id, says) => {
    const check = exercise(id);
    const copy = copyStarter(`part2-${check.file}.ts`, `${check.file}.ts`);
    const verdict = await runCheck(check, copy.subject);
    copy.remove();
    expect(verdict.failure?.message).toBe(says);
  });
});

/** Small programs that make one mistake, each in the reader's place. */
const WRONG_EXERCISES = [
  {
    name: 'headers-as-object',
    id: '2-x1',
    solution: 'middleware',
    edit: ['[...headers, [', '[...new Map([...headers, ['],
    and: ['elapsed]]', 'elapsed]])]'],
    says: 'GET /cookies: the app inside sets a=1 and b=2; expected both, got b=2',
  },
  {
    name: 'path-as-text',
    id: '2-x2',
    solution: 'framework',
    edit: ["Buffer.from(environ.PATH_INFO, 'latin1').toString()", 'environ.PATH_INFO'],
    says: 'GET /hello/Zo%C3%AB: expected "Hello, Zoë!\\n", got "Hello, ZoÃ«!\\n"',
  },
  {
    name: 'markup-planted',
    id: '2-x3',
    solution: 'form',
    edit: ['escapeHtml(name)', 'name'],
    says: 'GET /?name=%3Cscript%3E: what a stranger writes becomes markup in your page; escape & and <',
  },
  {
    name: 'head-not-allowed',
    id: '2-x4',
    solution: 'framework',
    edit: [" || environ.REQUEST_METHOD === 'HEAD';", ';'],
    says: 'HEAD /hello/Ada, of which GET says 200: expected 200, got 405 Method Not Allowed',
  },
] as const;

function first(): Check {
  return PART2[0] as Check;
}

function exercise(id: string): Check {
  return EXERCISES2.find((check) => check.id === id) ?? first();
}

/** A starter where the reader has it: two folders down, as it is here, but in another place. */
function copyStarter(name: string, file: string) {
  const text = readFileSync(path.join(STARTERS, name), 'utf8');
  return copyPart(`part2/my/${file}`, text.replaceAll("'../../", "'../../shared/"));
}

/** 2-01 looks at `main` alone, and starts four programs to do so: where that is as it was, it needs no proof. */
function isConcerned(check: Check, { file, edits = [] }: Mistake): boolean {
  return check.id !== '2-01' || (file === SERVER && !applyEdits(file, edits).endsWith(MAIN));
}
