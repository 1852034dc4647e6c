import type { Lesson } from '../../shared/checks/check.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { ask, get, quote, REACTION } from '../../shared/checks/run/first-answer.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';

/** What a path looks like that no server knows. */
const NOWHERE = '/no/such/page';

export const check: Lesson = {
  title: 'There is a log: one line for each request',
  goal: 'Who runs a server wants to know what it did, not only what it was asked',
  hints: [
    'When do you know the status: before or after you have decided on the answer?',
    'One console.log where the answer is sent, because all answers pass there: method, target, status.',
    "console.log(method + ' ' + target + ' ' + status), beside the lines with '< '.",
  ],
  anchor: 'exercises',
  lenient: [
    'time, address, length and whatever else the line has',
    'the lines that begin with "<"',
  ],
  byHand: "curl -s '127.0.0.1:$PORT/?log=1' 127.0.0.1:$PORT/no/such/page",
  solution: 'part1/start/solutions/exercises.ts',
  seconds: 4,
  run: logs,
  mistakes: [
    {
      name: 'logs-200',
      says: 'The answer was 404, and the log says "GET /no/such/page 200": expected a line with "GET /no/such/page 404" in it',
      edits: [['status.slice(0, 3)', '200']],
    },
    {
      name: 'the part is done',
      isNamed: false,
      file: 'part1/webserver1.ts',
      says: 'There are 0 lines for one request: expected a line with "GET /?log=1 200" in it',
    },
  ],
};

async function logs(trial: Trial): Promise<void> {
  const server = await trial.start();
  for (const target of ['/?log=1', '/?log=2', NOWHERE]) {
    const { status } = await ask(trial, server, get(target));
    const isOf = (line: string) =>
      !line.startsWith('<') && line.includes(target) && /\bGET\b/.test(line);
    const wanted = `expected a line with "GET ${target} ${status}" in it`;
    const behind = new RegExp(`^(?!<).*GET.*${target.replace(/[?.]/g, '\\$&')}.*\\n`, 'm');
    await server.waitForOutput(behind, REACTION / 1000).catch(() => {});
    const lines = server.stdout.split('\n').filter(isOf);
    const received = Buffer.from(server.stdout);
    if (lines.length !== 1) {
      const message = `There are ${lines.length} lines for one request: ${wanted}`;
      throw new Failure(message, { cause: 'wrong', received, isPrinted: true });
    }
    if (new RegExp(`\\b${status}\\b`).test(lines[0] ?? '')) continue;
    const message = `The answer was ${status}, and the log says ${quote(lines[0] ?? '', 80)}: ${wanted}`;
    const isConstant = status === 404 && lines[0]?.includes('200');
    throw new Failure(message, {
      cause: 'wrong',
      received,
      isPrinted: true,
      ...(isConstant && { mistake: 'logs-200' }),
    });
  }
}
