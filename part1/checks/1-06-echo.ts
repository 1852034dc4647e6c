import type { Lesson } from '../../shared/checks/check.ts';
import { ask, get } from '../../shared/checks/run/first-answer.ts';
import { expectPrinted } from '../../shared/checks/run/printed.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { LINES, LOOP, PRINT } from './lines.ts';

const SHOWN = 'expected "< GET /shown HTTP/1.1"';

export const check: Lesson = {
  title: 'It shows what it was sent',
  goal: 'See what a browser really sends',
  hints: [
    "'data' brings a Buffer - what recv(2) returns: what makes text of it, and lines of the text?",
    "buffer.toString('latin1') gives a character for each byte; .split('\\r\\n') gives the lines; console.log one at a time.",
    "for (const line of head.split('\\r\\n')) console.log('< ' + line); then open your server in a browser.",
  ],
  anchor: 'what-a-browser-sends',
  lenient: [
    'the letter case of the names, their order, colours',
    'whether the empty line is printed, and what else is',
    'control characters, though a terminal obeys them: see the chapter',
  ],
  byHand: 'curl -s -H "X-Marker: seen" 127.0.0.1:$PORT/shown',
  solution: '1c',
  until: '2e',
  seconds: 4,
  run: shows,
  mistakes: [
    {
      name: 'prints-nothing',
      says: `Nothing is printed of the request: ${SHOWN}`,
      edits: [[LOOP, '']],
    },
    {
      name: 'only-first-line',
      says: 'Only the first line of the request is printed: expected "< Host: localhost", too',
      edits: [[LINES, `${LINES}.slice(0, 1)`]],
    },
    {
      name: 'one-arrow',
      says: 'Only the first line has "< " before it: expected "< Host: localhost"',
      edits: [[LOOP, 'console.log(`< ${head}`);']],
    },
    {
      name: 'no-arrow',
      says: `The request is printed without "< " before its lines: ${SHOWN}`,
      edits: [[PRINT, 'console.log(line);']],
    },
    {
      name: 'no-space',
      says: `The space behind the "<" is missing: ${SHOWN}`,
      edits: [[PRINT, PRINT.replace('< ', '<')]],
    },
    {
      name: 'prints-buffer',
      says: `What is printed is a Buffer, not text: ${SHOWN}`,
      edits: [[LOOP, "console.log('<', head);"]],
    },
    {
      name: 'prints-value',
      says: `What is printed is a value of the program, not lines: ${SHOWN}`,
      edits: [[LOOP, `console.log('<', ${LINES});`]],
    },
    {
      name: 'prints-to-stderr',
      says: `It is printed on standard error: ${SHOWN} on standard output`,
      edits: [[PRINT, PRINT.replace('log', 'error')]],
    },
    {
      name: 'other-sign',
      says: `The request is printed behind "> ": ${SHOWN}`,
      edits: [[PRINT, PRINT.replace('<', '>')]],
    },
    {
      name: 'no-line-ends',
      says: `The lines are printed without an end: ${SHOWN}`,
      edits: [[PRINT, PRINT.replace('console.log', 'process.stdout.write')]],
    },
    {
      name: 'two-spaces-printed',
      says: `There are two spaces behind the "<": ${SHOWN}`,
      edits: [[PRINT, "console.log('< ', visible(line));"]],
    },
    {
      name: 'forgets-the-last',
      says: 'Line 5 of the request is not printed: expected "< Connection: close"',
      edits: [[LINES, `${LINES}.slice(0, -1)`]],
    },
  ],
};

async function shows(trial: Trial): Promise<void> {
  const server = await trial.start();
  const fields = ['X-Marker: seen', 'X-Colour: blue'];
  await ask(trial, server, get('/shown', ...fields));
  await expectPrinted(server, [
    'GET /shown HTTP/1.1',
    'Host: localhost',
    ...fields,
    'Connection: close',
  ]);
}
