/**
 * A gateway in another language is graded like one of ours: what it does passes, and what it does not do is told. So is
 * one that takes shortcuts on node:http.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Check } from '../../shared/checks/check.ts';
import { stepsOf } from '../../shared/checks/ladder.ts';
import { find } from '../../shared/checks/proof/describe-checks.ts';
import { findingPythonApps, isPython, PythonTrial } from '../../shared/checks/run/python-trial.ts';
import { runCheck } from '../../shared/checks/run/run-check.ts';
import type { Subject } from '../../shared/checks/run/trial.ts';
import { testOnce } from '../../shared/harness/proven.ts';
import { quick, runToEnd } from '../../shared/harness/server-process.ts';

const FAIR = path.join(import.meta.dirname, 'fair');
/** All but the deadlines, which are options of one program. */
const PART2 = stepsOf('part2').filter(({ id }) => id !== '2-16');
const GATEWAY_CHECKS = [...PART2, find('3-18'), find('3-27')];

/** Each of the checks, on one of the gateways in `fair`, against what it is expected to say. */
function describeGateway(
  group: string,
  file: string,
  checks: readonly Check[],
  says: Readonly<Record<string, string | RegExp>> = {},
): void {
  const grounds = { group, parts: ['part2', 'part3'], file: import.meta.filename };
  describe(group, () => {
    for (const check of checks)
      testOnce({ title: check.id, ...grounds }, async () => {
        const wanted = says[check.id];
        if (wanted instanceof RegExp) expect(await failureOf(check, file)).toMatch(wanted);
        else expect(await failureOf(check, file)).toBe(wanted);
      });
  });
}

async function failureOf(check: Check, file: string): Promise<string | undefined> {
  const program = path.join(FAIR, file);
  if (file.endsWith('.py')) {
    const subject: Subject = { command: () => findingPythonApps(['python3', program]) };
    const trial = new PythonTrial(subject, 'server');
    const { failure } = await runCheck(check, subject, trial);
    return failure?.message.replace(/"<.*/, 'a page'); // each version of Python has its own
  }
  const { failure } = await runCheck(check, { command: () => quick(program) });
  return failure?.message.replace(/\d+ bytes/g, 'N bytes');
}

describeGateway('a gateway in Python that does it all passes', 'gateway.py', GATEWAY_CHECKS);

describeGateway(
  'one of a few lines on wsgiref is told what wsgiref leaves out',
  'on_wsgiref.py',
  GATEWAY_CHECKS,
  {
    '2-05':
      "POST /sha256: no answer in 3 s, though every byte was sent; it comes behind the client's FIN, but a body ends where Content-Length says",
    '2-09':
      'The app has thrown in the middle of its body, and its client got a FIN: half an answer looks whole',
    '2-10': 'A garbage request line: an answer begins with a status line, not with a page',
    '2-12': 'GET /204: a 204 has no body, and says nothing of its length; RFC 9110 §8.6',
    '2-14':
      'GET /replaced-behind-nothing, of an app that calls start_response again behind an empty piece: expected 503, got 200 OK',
    '2-15': 'A request of HTTP/1.1 without Host: expected 400, got 200 OK',
    '3-18':
      'While one request was under way, a second did not reach the application: expected both to be under way',
    '3-27': 'Beside a client that says nothing, another asked, and had no whole answer in 5 s',
  },
);

describeGateway(
  'a hasty one on node:http is told what it has forgotten',
  'on-node-http.ts',
  PART2,
  {
    '2-02': 'SERVER_PROTOCOL: expected "HTTP/1.1", got none',
    '2-03': 'QUERY_STRING: expected "q=a%20b?c=%C3%A9+d", got "q=a%20b"',
    '2-04': 'CONTENT_TYPE: expected "text/x", got none',
    '2-05':
      'POST /lines: expected 200, got 500 Internal Server Error; your server printed: TypeError: input.readline is not a function',
    '2-07': 'There is no Server header, and the app has sent none',
    '2-08':
      'A client asked, and said that it would say no more (FIN): expected its answer all the same, and it was hung up on',
    '2-09': 'An app that returns a body and never calls startResponse: expected 500, got 200 OK',
    '2-10': 'A target that is for OPTIONS alone: expected 400, got 200 OK',
    '2-11': 'POST /upload of wsgiapp:app: expected "N bytes\\n", got "N bytes\\n"',
    // It asks on for an endless body, until that throws: on a quick machine soon enough to look as if it had noticed.
    '2-13':
      /^A client left (in the middle of its body|while the app had nothing to say): close\(\) of its result was never called/,
    '2-14':
      'GET /replaced, of an app that calls startResponse again, with excInfo: X-Mistaken is of the first head, expected it to be gone',
    '2-15': 'Two Hosts: expected 400, got 200 OK',
  },
);

test('by its command one sees which language a gateway is in', ({ expect }) => {
  const told = (command: string) => isPython(command.split(' '));
  for (const command of ['python3 my.py', './my.py', 'uv run my.py', '/usr/bin/python3.12 -m my'])
    expect(told(command), command).toBe(true);
  for (const command of ['npx tsx my.ts', './gateway', 'node python.js'])
    expect(told(command), command).toBe(false);
});

test('SERVER says it, or APPS; and what is printed can be typed', async ({ expect }) => {
  const home = mkdtempSync(path.join(tmpdir(), 'checks-'));
  const check = (more: Record<string, string>) =>
    runToEnd([...quick('shared/checks/commands/cli.ts'), 'check', '2-02'], {
      CHECK_HOME: home,
      ...more,
    });
  try {
    const SERVER = 'python3 part2/test/fair/gateway.py';
    expect((await check({ SERVER })).code).toBe(0);
    const other = await check({ SERVER, APPS: 'typescript' });
    expect([other.code, other.stdout]).toEqual([1, expect.stringContaining('ModuleNotFoundError')]);
    const wrong = await check({ SERVER: 'sh -c true', APPS: 'python' });
    expect(wrong.stdout).toMatch(
      /^ {2}\$ PORT=8888 env PYTHONPATH=\S+ sh -c true contract_app:app$/m,
    );
  } finally {
    rmSync(home, { recursive: true });
  }
});
