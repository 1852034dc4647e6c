/** Part 2: the head of an answer, what the application says in it and what the server does. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ServerProcess } from '../../shared/harness/server-process.ts';
import type { Check } from '../../shared/checks/check.ts';
import type { Failure } from '../../shared/checks/failure.ts';
import { type Answer, allOf, headerOf, quote, quoteBytes } from '../../shared/checks/part2-parse.ts';
import { ask, CONTRACT, expectStatus, request, wrongAnswer } from '../../shared/checks/part2-tools.ts';
import { startResponseOf } from '../../shared/checks/python-apps.ts';
import type { Trial } from '../../shared/checks/trial.ts';

export const ANSWERS: readonly Check[] = [
  {
    id: '2-06',
    name: 'start_response',
    part: 'part2',
    title: "The application's status and headers are sent as it gave them",
    goal: 'A callback fixes the head before the body; its headers are a list of pairs.',
    hints: [
      'What becomes of the first Set-Cookie in an object whose keys are names?',
      "PEP 3333 'The start_response() Callable'; Buffer.from(head, 'latin1').",
      'Keep status and headers when they are given; "HTTP/1.1 " + status, and for (const [name, value] of headers) a line. The head is due at the first chunk of the body: a generator calls startResponse only then.',
    ],
    anchor: 'start-response',
    lenient: [
      'the order of headers with different names, and their letter case',
      'headers of the server, before or behind',
      'the reason phrase',
    ],
    byHand: "curl -i 'http://127.0.0.1:$PORT$TARGET'",
    solution: '2b',
    seconds: 5,
    run: checkHead,
  },
  {
    id: '2-07',
    name: 'server headers',
    part: 'part2',
    title: 'Date and Server are there, true, and once',
    goal: "Some headers are the server's job, unless the application has done it.",
    hints: [
      'Which of the headers does the application not know, and you do?',
      'RFC 9110 §5.6.7, IMF-fixdate; Date.prototype.toUTCString().',
      'For each answer: if no name among the headers is "date" in lower case, add "Date: " + new Date().toUTCString(); the same for Server.',
    ],
    anchor: 'server-headers',
    lenient: ['any Server', 'a Date that is two seconds off', 'any other header'],
    byHand: "curl -i 'http://127.0.0.1:$PORT$TARGET'; date -u",
    solution: '2b',
    seconds: 5,
    run: checkServerHeaders,
  },
];

async function checkHead(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  const created = await ask(trial, server, request('GET /async HTTP/1.1'));
  const mistake = created.status === 200 ? 'always-200' : undefined;
  expectStatus(created, 201, 'GET /async, of which the app says 201 Created', server, mistake);
  const answer = await ask(trial, server, request('GET /headers HTTP/1.1'));
  const cookies = allOf(answer, 'set-cookie');
  if (cookies.join(' | ') !== 'a=1 | b=2') {
    const got = cookies.map((cookie) => `Set-Cookie: ${cookie}`).join(' and ') || 'none';
    const message = `Set-Cookie: expected two lines, a=1 and b=2, got ${got}`;
    const name = /a=1, ?b=2/.test(cookies[0] ?? '') ? 'joined-cookies' : 'headers-in-a-map';
    const at = Math.max(9, answer.bytes.toString('latin1').search(/set-cookie/i));
    throw wrongAnswer(message, answer, { at, mistake: cookies.length === 1 ? name : undefined });
  }
  const last = headerOf(answer, 'x-last');
  if (last !== 'caf\xe9' || headerOf(answer, 'x-first') !== '1') {
    const [name, wanted, got] =
      last === 'caf\xe9'
        ? ['X-First', '1', headerOf(answer, 'x-first')]
        : ['X-Last', 'caf\xe9', last];
    const message = `${name}: expected ${quoteBytes(wanted)}, got ${quoteBytes(got)}`;
    throw wrongAnswer(message, answer, {
      at: answer.bytes.indexOf(`${name}:`),
      mistake: last === 'caf\xc3\xa9' ? 'head-in-utf8' : undefined,
    });
  }
  const late = await ask(trial, server, request('GET /generator HTTP/1.1'));
  const what = `GET /generator, which calls ${startResponseOf(trial)} when its first piece is asked for`;
  expectStatus(late, 200, what, server, 'head-too-soon');
  const wanted = Buffer.from([0xff, 0, ...Buffer.from('é👋')]);
  if (!late.body.equals(wanted)) {
    const [expected, got] = [wanted, late.body].map((bytes) =>
      quoteBytes(bytes.toString('latin1')),
    );
    const hasEnded =
      late.body.length === 0 && /\r\n0\r\n\r\n./s.test(late.bytes.toString('latin1'));
    if (hasEnded) {
      const why =
        'GET /generator: its first piece is empty, and was sent as a chunk of length 0, which is the end';
      throw wrongAnswer(why, late, { mistake: 'empty-chunk-ends' });
    }
    const isText = late.body.includes(Buffer.from('\ufffd')) || late.body.includes('255');
    throw wrongAnswer(`GET /generator: expected the bytes ${expected}, got ${got}`, late, {
      mistake: isText ? 'bytes-as-text' : undefined,
    });
  }
  await checkText(trial, server);
}

/** A list of strings has a length that the server can know. */
async function checkText(trial: Trial, server: ServerProcess): Promise<void> {
  const text = await ask(trial, server, request('GET /text HTTP/1.1'));
  if (text.body.toString() === 'Zoë 👋\n') return;
  const [expected, got] = ['Zoë 👋\n', text.body.toString('latin1')].map(quoteBytes);
  throw wrongAnswer(`GET /text: expected ${expected}, got ${got}`, text);
}

/** IMF-fixdate = day-name "," SP date1 SP time-of-day SP GMT; RFC 9110 §5.6.7 */
const IMF_FIXDATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/;

async function checkServerHeaders(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  const ready = Date.now();
  const own = await ask(trial, server, request('GET /headers HTTP/1.1'));
  for (const name of ['Date', 'Server'] as const) {
    const values = allOf(own, name.toLowerCase());
    const wanted = name === 'Date' ? 'Tue, 15 Nov 1994 08:12:31 GMT' : 'my own';
    if (values.length === 1 && values[0] === wanted) continue;
    const message = `The app has sent its own ${name}, ${quote(wanted)}; expected that one alone, got ${values.map(quote).join(' and ') || 'none'}`;
    const at = own.bytes.toString('latin1').search(new RegExp(`^${name}:`, 'im'));
    throw wrongAnswer(message, own, { at, mistake: values.length > 1 ? 'said-twice' : undefined });
  }
  // A Date from when the server was started is right until that second is over. So we look until it moves on.
  for (;;) {
    const asked = Date.now();
    const answer = await ask(trial, server, request('GET /hello HTTP/1.1'));
    if (!headerOf(answer, 'server')) {
      throw wrongAnswer('There is no Server header, and the app has sent none', answer, { at: 0 });
    }
    const date = readDate(answer);
    const isNow = Math.abs(Date.now() - date) < 3000;
    if (isNow && Math.floor(date / 1000) > Math.floor(ready / 1000)) return;
    const isOfStart = date <= ready && ready - date < 20_000;
    if (asked - ready < 1500 && (isNow || isOfStart)) await delay(1010 - (Date.now() % 1000));
    else throw wrongDate(answer, date, isOfStart);
  }
}

/** The Date of an answer, which is well-formed. */
function readDate(answer: Answer): number {
  const date = headerOf(answer, 'date');
  if (date === undefined) throw wrongAnswer('There is no Date header', answer, { at: 0 });
  if (IMF_FIXDATE.test(date)) return Date.parse(date);
  const message = `Date: expected ${quote(new Date().toUTCString())}, the one format HTTP has, got ${quote(date)}`;
  const mistake = /^\d{4}-\d\d-\d\dT/.test(date) ? 'iso-date' : undefined;
  throw wrongAnswer(message, answer, { at: offsetOfDate(answer), mistake });
}

function wrongDate(answer: Answer, date: number, isOfStart: boolean): Failure {
  const isOld = Date.now() - date > 86_400_000;
  const [why, mistake] = isOfStart
    ? ['when your server was started', 'startup-date']
    : ['not now', isOld ? 'constant-date' : undefined];
  const message = `Date: ${quote(headerOf(answer, 'date'))} is ${why}; expected the time of this answer`;
  return wrongAnswer(message, answer, { at: offsetOfDate(answer), mistake });
}

const offsetOfDate = ({ bytes }: Answer) => bytes.toString('latin1').search(/^date:/im);
