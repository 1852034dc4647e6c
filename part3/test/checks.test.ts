/** The checks of part 3, checked; and that they are fair to who does it in another way. */
import path from 'node:path';
import { describe } from 'vitest';
import type { Edit } from '../../shared/checks/mistake.ts';
import { applyEdits, copyPart } from '../../shared/checks/proof/copy.ts';
import { describeChecks, expectPass, find } from '../../shared/checks/proof/describe-checks.ts';
import { findingPythonApps, PythonTrial } from '../../shared/checks/run/python-trial.ts';
import { runCheck } from '../../shared/checks/run/run-check.ts';
import type { Subject } from '../../shared/checks/run/trial.ts';
import { testOnce } from '../../shared/harness/proven.ts';
import { quick, ROOT } from '../../shared/harness/server-process.ts';

describeChecks('part3');

/** The programs of part 2's tests are asked, too. */
const grounds = { parts: ['part2', 'part3'], file: import.meta.filename };
const inProject = (file: string) => path.join(ROOT, file);
const inPython = (file: string) => findingPythonApps(['python3', inProject(file)]);

describe('fair to who does it otherwise', () => {
  const group = 'fair to who does it otherwise';
  const python = ['python3', inProject('part3/test/fair/ladder.py')];
  const node = quick(inProject('part2/test/fair/on-node-http.ts'));
  const others = [
    ...['3-01', '3-02', '3-03', '3-04', '3-05'].map((id) => ['ladder.py', id, python] as const),
    ...['3-11', '3-13', '3-14', '3-15', '3-16', '3-18', '3-27'].map(
      (id) => ['node:http', id, node] as const,
    ),
  ];
  for (const [name, id, command] of others)
    testOnce({ group, title: `${id} passes with ${name}`, ...grounds }, async () => {
      const subject: Subject = { command: (stage) => [...command, `--stage=${stage}`] };
      expectPass(await runCheck(find(id), subject));
    });

  const gateway = inPython('part3/test/fair/gateway.py');
  for (const id of ['3-13', '3-14', '3-15', '3-16', '3-17', '3-18'])
    testOnce({ group, title: `${id} passes with a gateway in Python`, ...grounds }, async () => {
      const subject: Subject = { command: () => gateway };
      expectPass(await runCheck(find(id), subject, new PythonTrial(subject, 'server')));
    });
});

describe('fair to a gateway with another answer to who is slow, unread or held back', () => {
  const group = 'fair to a gateway with another answer';
  const own = quick(inProject('part2/test/fair/node-http.ts'));
  const onNode = [
    ['3-19', own],
    ['3-22', own],
    ['3-21', quick(inProject('part2/test/fair/on-node-http.ts'))],
  ] as const;
  for (const [id, command] of onNode)
    testOnce({ group, title: `${id} passes on node:http`, ...grounds }, async () => {
      expectPass(await runCheck(find(id), { command: () => command }));
    });

  testOnce(
    { group, title: '3-22 passes in Python, with a thread that waits', ...grounds },
    async () => {
      const subject: Subject = { command: () => inPython('part2/test/fair/gateway.py') };
      expectPass(await runCheck(find('3-22'), subject, new PythonTrial(subject, 'server')));
    },
  );

  const CONNECTION = 'part3/server/connection.ts';
  const DISCARD =
    "else this.#state = { kind: 'discarding', leftBytes: this.#service.limits.maxDrainBytes };";
  const others: readonly [id: string, what: string, file: string, ...edits: Edit[]][] = [
    ['3-19', 'closes, and reads on in no case', CONNECTION, [DISCARD, 'else this.#close();']],
    [
      '3-19',
      'reads on, however long it is',
      CONNECTION,
      [DISCARD, "else this.#state = { kind: 'discarding', leftBytes: 1024 ** 3 };"],
    ],
    [
      '3-20',
      'sends what was promised, leaves out the surplus, and keeps the connection',
      'part3/http/response-writer.ts',
      ["if (this.#framing?.kind !== 'length' || size <= this.#framing.left) return;", 'return;'],
      [
        "this.checkFits(size);\n    if (framing.kind === 'length') framing.left -= size;",
        `if (framing.kind === 'length' && size > framing.left)
      return this.sendBody(Buffer.from(chunk as string).subarray(0, framing.left));
    if (framing.kind === 'length') framing.left -= size;`,
      ],
    ],
    [
      '3-21',
      'reads some MiB ahead',
      CONNECTION,
      ['READ_AHEAD = 64 * 1024;', 'READ_AHEAD = 4 * 1024 ** 2;'],
    ],
    [
      '3-23',
      'knows one expectation, and ignores all others',
      'part3/http/request-head.ts',
      ["throw new HttpError(417, 'an unknown expectation');", 'return false;'],
    ],
    [
      '3-23',
      'keeps the connection, and takes the body when it comes',
      CONNECTION,
      ['if (this.#isLast || isHeldBack) answer', 'if (this.#isLast) answer'],
    ],
  ];
  for (const [id, what, file, ...edits] of others)
    testOnce({ group, title: `${id} passes with one that ${what}`, ...grounds }, async () => {
      const copy = copyPart(file, applyEdits(file, edits), 'part3/webserver3.ts');
      expectPass(await runCheck(find(id), copy.subject));
      copy.remove();
    });

  for (const id of ['3-24', '3-25', '3-26'])
    testOnce({ group, title: `${id} passes with threads in Python`, ...grounds }, async () => {
      const subject: Subject = { command: () => inPython('part3/test/fair/patience.py') };
      expectPass(await runCheck(find(id), subject, new PythonTrial(subject, 'server')));
    });
});
