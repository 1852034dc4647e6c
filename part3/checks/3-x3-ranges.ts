import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  expectBody,
  expectStatus,
  request,
  wrongAnswer,
} from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { type Answer, headerOf } from '../../shared/checks/run/response.ts';
import { sideBySide } from '../../shared/checks/run/side-by-side.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const SECRET = 'this is outside';

/** What is asked for, and what of the alphabet comes back; without a piece, all of it. */
const RANGES: readonly (readonly [range: string, piece: string | undefined, mistake?: string])[] = [
  ['bytes=0-4', '0-4', 'ignores-ranges'],
  ['bytes=20-', '20-25'],
  ['bytes=-3', '23-25', 'suffix-as-end'],
  ['bytes=-100', '0-25'],
  ['bytes=5-100', '5-25', 'beyond-the-end'],
  ['bytes=25-25', '25-25'],
  ['bytes=5-2', undefined, 'refuses-what-is-none'],
  ['lines=1-2', undefined, 'refuses-what-is-none'],
  ['bytes=a-b', undefined, 'refuses-what-is-none'],
];
/** Ways out of the folder, as they are said by who tries. */
const ESCAPES = [
  '/../secret.txt',
  '/%2e%2e/secret.txt',
  '/..%2fsecret.txt',
  '/sub/../../secret.txt',
  '/../files-of-others/secret.txt',
];

export const check: Lesson = {
  title: 'Files from a folder, and pieces of them, and nothing outside',
  goal: 'A range is a question about bytes, whose answer says which ones; and a path is a question, not an order.',
  hints: [
    'A client has 10 of 26 bytes, and the file may have changed since. What does it ask? And what is behind /%2e%2e/?',
    'RFC 9110 §14.1.2 and §14.2 (Range), §14.4 (Content-Range), §13.1.5 (If-Range), §15.3.7 (206), §15.5.17 (416); createReadStream(file, ' +
      '{ start, end }) - lseek(2); fs.realpath - realpath(3).',
    'file = realpath(join(root, PATH_INFO)), and 404 unless it begins with root + "/" and is a file. /^bytes=(\\d*)-(\\d*)$/: else the whole; ' +
      'none of it: 416 with Content-Range: bytes */SIZE; or 206 with Content-Range: bytes START-END/SIZE. If-Range that is not the ETag: the whole.',
  ],
  anchor: 'exercises',
  lenient: [
    'several ranges in one request',
    'which 4xx stops those who want out',
    'Last-Modified instead of an ETag, and dates in conditions',
    'Content-Type',
    'links in the folder',
  ],
  byHand:
    'curl -i -r 0-4 http://127.0.0.1:$PORT/letters.txt; curl -i --path-as-is http://127.0.0.1:$PORT/../secret.txt',
  prepare: `mkdir -p /tmp/files && printf ${LETTERS} > /tmp/files/letters.txt; export FILES=/tmp/files`,
  file: 'files',
  solution: 'part3/start/solutions/files.ts',
  seconds: 10,
  run: checkRanges,
  mistakes: [
    {
      name: 'leads-out',
      file: 'part3/start/files.ts',
      says: "GET /../secret.txt: what is outside of the folder is nobody's business: expected 404, got the file",
    },
    {
      name: 'leads-out',
      says: "GET /../files-of-others/secret.txt: what is outside of the folder is nobody's business: expected 404, got the file",
      edits: [['file.startsWith(root + path.sep)', 'file.startsWith(root)']],
    },
    {
      name: 'dies-of-a-folder',
      says: 'GET /sub, a folder: expected 404, got 500 Internal Server Error',
      edits: [[' || !stats.isFile()', '']],
    },
    {
      name: 'ignores-ranges',
      says: 'Range: bytes=0-4 of 26: expected 206, got 200 OK',
      edits: [
        ["toRange(environ.HTTP_RANGE ?? '', size)", "toRange(environ.HTTP_RANGES ?? '', size)"],
      ],
    },
    {
      name: 'suffix-as-end',
      says: 'Range: bytes=-3 of 26: expected Content-Range: bytes 23-25/26, got bytes 0-3/26',
      edits: [
        ["first === '' ? Math.max(0, size - Number(last)) : Number(first)", 'Number(first)'],
        ["first === '' || last === ''", "last === ''"],
      ],
    },
    {
      name: 'beyond-the-end',
      says: 'Range: bytes=5-100 of 26: GET /letters.txt: Content-Length says 96, and 21 bytes came',
      edits: [['Math.min(Number(last), size - 1)', 'Number(last)']],
    },
    {
      name: 'refuses-what-is-none',
      says: 'Range: bytes=5-2 of 26, which is to be ignored: expected 200, got 416 Range Not Satisfiable',
      edits: [
        ["if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;", ''],
      ],
    },
    {
      name: 'no-416',
      says: 'Range: bytes=26- of 26: expected 416, got 200 OK',
      edits: [
        ["start > end ? 'none of it' : { start, end }", 'start > end ? undefined : { start, end }'],
      ],
    },
    {
      name: 'range-of-head',
      says: 'HEAD with Range: a range is for GET alone: expected 200, got 206 Partial Content',
      edits: [["environ.REQUEST_METHOD === 'GET' && ", '']],
    },
    {
      name: 'if-range-ignored',
      says: 'Range: bytes=10- with If-Range of another version: expected 200, got 206 Partial Content',
      edits: [
        ['[etag, undefined].includes(environ.HTTP_IF_RANGE)', "environ.HTTP_IF_RANGE !== ''"],
      ],
    },
    {
      name: 'sends-what-is-known',
      says: 'GET with If-None-Match of this version: expected 304, got 200 OK',
      edits: [['isKnown(environ.HTTP_IF_NONE_MATCH, etag)', "isKnown('', etag)"]],
    },
  ],
};

async function checkRanges(trial: Trial): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'page-'));
  try {
    const root = path.join(folder, 'files');
    mkdirSync(path.join(root, 'sub'), { recursive: true });
    mkdirSync(path.join(folder, 'files-of-others'));
    writeFileSync(path.join(root, 'letters.txt'), LETTERS);
    writeFileSync(path.join(root, 'Zoë.txt'), 'a name in UTF-8');
    for (const place of ['secret.txt', 'files-of-others/secret.txt'])
      writeFileSync(path.join(folder, place), SECRET);
    const server = await trial.startAsApp('part3/webserver3.ts', { FILES: root });
    const questions = new Questions(trial, server);
    await sideBySide([
      questions.staysInside(),
      questions.missing(),
      ...RANGES.map((range) => questions.range(...range)),
      questions.outOfReach('bytes=26-'),
      questions.outOfReach('bytes=-0'),
      questions.head(),
      questions.conditions(),
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

class Questions {
  readonly #trial: Trial;
  readonly #server: ServerProcess;

  constructor(trial: Trial, server: ServerProcess) {
    this.#trial = trial;
    this.#server = server;
  }

  #ask(target: string, fields: readonly string[] = [], method = 'GET'): Promise<Answer> {
    return ask(this.#trial, this.#server, request(`${method} ${target} HTTP/1.1`, ...fields));
  }

  async staysInside(): Promise<void> {
    for (const target of ESCAPES) {
      const answer = await this.#ask(target);
      if (!answer.body.includes(SECRET)) continue;
      const message = `GET ${target}: what is outside of the folder is nobody's business: expected 404, got the file`;
      throw wrongAnswer(message, answer, { mistake: 'leads-out' });
    }
  }

  async missing(): Promise<void> {
    const named = await this.#ask('/Zo%C3%AB.txt');
    expectStatus(named, 200, 'GET /Zo%C3%AB.txt', this.#server);
    expectBody(named, 'a name in UTF-8', 'GET /Zo%C3%AB.txt');
    for (const [target, what] of [
      ['/sub', 'a folder'],
      ['/nope.txt', 'which is not there'],
      ['/letters.txt%00', 'which is no name'],
    ]) {
      const answer = await this.#ask(`${target}`).catch(() => undefined);
      const mistake = what === 'a folder' ? 'dies-of-a-folder' : undefined;
      if (answer && what === 'which is no name' && answer.status === 400) continue;
      if (answer) expectStatus(answer, 404, `GET ${target}, ${what}`, this.#server, mistake);
    }
  }

  async range(range: string, piece: string | undefined, mistake?: string): Promise<void> {
    const asked = this.#ask('/letters.txt', [`Range: ${range}`]);
    const ignored = piece === undefined ? ', which is to be ignored' : '';
    const what = `Range: ${range} of ${LETTERS.length}${ignored}`;
    const answer = await asked.catch(({ message, details }: Failure) => {
      throw new Failure(`${what}: ${message}`, { ...details, ...(mistake && { mistake }) });
    });
    expectStatus(answer, piece === undefined ? 200 : 206, what, this.#server, mistake);
    if (piece === undefined) return expectBody(answer, LETTERS, what, mistake);
    const [wanted, got] = [`bytes ${piece}/${LETTERS.length}`, headerOf(answer, 'content-range')];
    if (got !== wanted)
      throw wrongAnswer(
        `${what}: expected Content-Range: ${wanted}, got ${got ?? 'none'}`,
        answer,
        {
          at: 0,
          mistake,
        },
      );
    const [start = 0, end = 0] = piece.split('-').map(Number);
    expectBody(answer, LETTERS.slice(start, end + 1), what, mistake);
  }

  async outOfReach(range: string): Promise<void> {
    const answer = await this.#ask('/letters.txt', [`Range: ${range}`]);
    const what = `Range: ${range} of ${LETTERS.length}`;
    expectStatus(answer, 416, what, this.#server, 'no-416');
    const [wanted, got] = [`bytes */${LETTERS.length}`, headerOf(answer, 'content-range')];
    if (got === wanted) return;
    const message = `${what}: a 416 says how long it is: expected Content-Range: ${wanted}, got ${got ?? 'none'}`;
    throw wrongAnswer(message, answer, { at: 0 });
  }

  /** RFC 9110 §14.2: "A server MUST ignore a Range header field received with a request method that is unrecognized or for which range handling is not defined." */
  async head(): Promise<void> {
    const answer = await this.#ask('/letters.txt', ['Range: bytes=0-4'], 'HEAD');
    const what = 'HEAD with Range: a range is for GET alone';
    expectStatus(answer, 200, what, this.#server, 'range-of-head');
  }

  async conditions(): Promise<void> {
    const whole = await this.#ask('/letters.txt');
    expectStatus(whole, 200, 'GET /letters.txt', this.#server);
    expectBody(whole, LETTERS, 'GET /letters.txt');
    const etag = headerOf(whole, 'etag');
    const version = etag ?? headerOf(whole, 'last-modified');
    if (version === undefined)
      throw wrongAnswer(
        'GET /letters.txt: expected an ETag, by which a client knows its version',
        whole,
        {
          at: 0,
        },
      );
    const range = 'Range: bytes=10-';
    const same = await this.#ask('/letters.txt', [range, `If-Range: ${version}`]);
    if (!version.startsWith('W/'))
      expectStatus(same, 206, `${range} with If-Range of this version`, this.#server);
    const other = await this.#ask('/letters.txt', [range, 'If-Range: "another"']);
    const what = `${range} with If-Range of another version`;
    expectStatus(other, 200, what, this.#server, 'if-range-ignored');
    expectBody(other, LETTERS, what, 'if-range-ignored');
    if (etag === undefined) return;
    const known = await this.#ask('/letters.txt', [`If-None-Match: "x", ${etag}`]);
    const told = 'GET with If-None-Match of this version';
    expectStatus(known, 304, told, this.#server, 'sends-what-is-known');
  }
}
