import { setTimeout as delay } from 'node:timers/promises';
import type { Lesson } from '../../shared/checks/check.ts';
import { ask, CONTRACT, request, wrongAnswer } from '../../shared/checks/run/contract.ts';
import type { Failure } from '../../shared/checks/run/failure.ts';
import { type Answer, allOf, headerOf, quote } from '../../shared/checks/run/response.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';

/** IMF-fixdate = day-name "," SP date1 SP time-of-day SP GMT; RFC 9110 §5.6.7 */
const IMF_FIXDATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/;

const offsetOfDate = ({ bytes }: Answer) => bytes.toString('latin1').search(/^date:/im);

export const check: Lesson = {
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
  solution: '2d',
  seconds: 5,
  run: checkServerHeaders,
  mistakes: [
    {
      name: 'said-twice',
      says: 'The app has sent its own Date, "Tue, 15 Nov 1994 08:12:31 GMT"; expected that one alone, got "Tue, 15 Nov 1994 08:12:31 GMT" and "NOW"',
      file: 'part2/http.ts',
      edits: [["if (!given.has('date')) lines", 'lines']],
    },
    {
      name: 'iso-date',
      says: 'Date: expected "NOW", the one format HTTP has, got "NOW"',
      file: 'part2/http.ts',
      edits: [['toUTCString', 'toISOString']],
    },
    {
      name: 'constant-date',
      says: 'Date: "Fri, 12 Jun 2015 19:45:00 GMT" is not now; expected the time of this answer',
      file: 'part2/http.ts',
      edits: [['${new Date().toUTCString()}', 'Fri, 12 Jun 2015 19:45:00 GMT']],
    },
    {
      name: 'startup-date',
      says: 'Date: "NOW" is when your server was started; expected the time of this answer',
      file: 'part2/http.ts',
      edits: [
        ['${new Date().toUTCString()}', '${STARTED}'],
        ['const TOKEN_CHARS =', 'const STARTED = new Date().toUTCString();\nconst TOKEN_CHARS ='],
      ],
    },
  ],
};

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
