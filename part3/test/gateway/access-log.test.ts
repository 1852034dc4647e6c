/** The access log: one line for each answer, in the Combined Log Format, whatever a stranger puts into it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { describeStage, useServer } from '../../../shared/harness/describe-stages.ts';
import { quick, startCommand, startServer } from '../../../shared/harness/server-process.ts';
import { toLine } from '../../server/access-log.ts';
import { APP, answersOf, ask, HELLO, head, LAST, makeGate, talk, textsOf } from './gateway.ts';

/** host ident user [time] "request" status bytes "referer" "agent"; a quote or a backslash only as \xHH. */
const TEXT = String.raw`"(?:[ !#-\[\]-~]|\\x[\dA-F]{2})*"`;
const LINE = new RegExp(
  String.raw`^127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] ${TEXT} \d{3} (?:\d+|-) ${TEXT} ${TEXT}$`,
);

const folder = mkdtempSync(path.join(tmpdir(), 'access-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

describeStage('gateway', 'keeps an access log', (stage) => {
  const server = useServer(stage, { app: APP, args: ['--access-log', '-'] });

  /** The line that holds this; every line of the log must be one. */
  async function lineWith(pattern: RegExp): Promise<string> {
    const line = new RegExp(`^.*${pattern.source}.*$`, 'm');
    const [found] = await server().waitForOutput(line);
    const lines = server().stdout.split('\n').slice(0, -1); // the last one is still to come
    for (const one of lines.filter((text) => text && !text.startsWith('webserver3:'))) {
      expect(one).toMatch(LINE);
    }
    return found;
  }

  test('a line for an answer: who asked for what, and how much came of it', async () => {
    const fields = ['Referer: http://x/y', 'User-Agent: test/1.0 (a; b)', 'Connection: close'];
    await talk(server(), head('GET /hello?plain', ...fields));
    expect(await lineWith(/hello\?plain/)).toMatch(
      /\] "GET \/hello\?plain HTTP\/1\.1" 200 14 "http:\/\/x\/y" "test\/1\.0 \(a; b\)"$/,
    );
  });

  test('the bytes are those of the body; none are a hyphen, and so is a field that is not there', async () => {
    const client = await ask(server(), head('GET /async') + head('HEAD /hello?none') + LAST);
    await answersOf(client, 'GET', 'HEAD');
    expect(await lineWith(/none/)).toMatch(/ 200 - "-" "-"$/);
    expect(await lineWith(/async/)).toMatch(/ 201 15 "-" "-"$/);
  });

  test('a forged field cannot end its quotes', async () => {
    const forged = 'a" 200 1 "-" "\\" \\x22 \xe9\t';
    await talk(server(), head('GET /hello?forged', `User-Agent: ${forged}`, 'Connection: close'));
    await talk(server(), head('GET /hello?"\\', `Referer: ${forged}`, 'Connection: close'));
    expect(await lineWith(/\?forged/)).toMatch(
      / "a\\x22 200 1 \\x22-\\x22 \\x22\\x5C\\x22 \\x5Cx22 \\xC3\\xA9"$/,
    );
    expect(await lineWith(/HTTP.1.1" 200 14 "a/)).toContain(
      String.raw`"GET /hello?\x22\x5C HTTP/1.1"`,
    );
  });

  test('a refusal has its line, too, and what was refused is not in it', async () => {
    await talk(server(), 'GET /\x1b[2J\x00 HTTP/1.1\r\nHost: x\r\n\r\n');
    await talk(server(), head('POST /hello', 'Content-Length: x'));
    expect(await lineWith(/ 400 /)).toMatch(/\] "-" 400 \d+ "-" "-"$/);
    expect(server().stdout).not.toContain('\x1b');
  });

  test('an application that fails has its line', async () => {
    await talk(server(), head('GET /throws?line'));
    expect(await lineWith(/throws\?line/)).toMatch(/ 500 \d+ /);
  });

  test('an answer that is cut has its line, with what was sent of it', async () => {
    const client = await ask(server(), head('GET /waits?cut'));
    await client.readUntil('waiting');
    await client.reset();
    expect(await lineWith(/waits\?cut/)).toMatch(/ 200 7 /);
  });
});

describeStage('gateway', 'keeps an access log in a file', (stage) => {
  test('it is appended to, and at the end no line is missing', async () => {
    const file = path.join(folder, 'access.log');
    for (const round of [1, 2]) {
      const server = await startServer(stage, { app: APP, args: ['--access-log', file] });
      const gates = await Promise.all(Array.from({ length: 30 }, () => makeGate()));
      const clients = await Promise.all(
        gates.map(({ port }) => ask(server, head(`GET /later?${port}`))),
      );
      await Promise.all(gates.map(({ arrived }) => arrived));
      server.signal('SIGTERM');
      await Promise.all(gates.map((gate) => gate.open()));
      await Promise.all(clients.map((client) => client.readToEnd()));
      await server.stop();
      expect(readFileSync(file, 'utf8').split('\n').length - 1).toBe(30 * round);
    }
  });

  test('nor is that of an answer which the end has cut', async () => {
    const file = path.join(folder, 'cut.log');
    const args = ['--access-log', file, '--drain-timeout', '0.2'];
    const server = await startServer(stage, { app: APP, args });
    const client = await ask(server, head('GET /waits?drain'));
    await client.readUntil('waiting');
    await server.stop();
    expect(readFileSync(file, 'utf8')).toMatch(/^.*waits\?drain HTTP.1.1" 200 7 .*\n$/);
  });

  test('who reads the log on standard output may go: the service goes on', async () => {
    const gateway = quick(stage.file, APP, '--access-log', '-');
    const command = ['sh', '-c', '"$@" | head -n 1', 'sh', ...gateway];
    const reader = await startCommand(command, { isOurs: false });
    for (let count = 0; count < 3; count++) {
      expect(textsOf(await talk(reader, LAST))).toEqual([HELLO]);
    }
    await reader.stop();
  });

  test('a log that cannot be had is told in one line', async () => {
    const file = path.join(folder, 'no', 'such', 'folder');
    const starting = startServer(stage, { app: APP, args: ['--access-log', file] });
    await expect(starting).rejects.toThrow(/:\nENOENT: .*\n$/);
  });
});

test('the time is in the one form, and in UTC', () => {
  const entry = { remoteAddress: '', request: undefined, status: 400, bodyBytes: 0 };
  expect(toLine(entry, new Date('2000-10-10T13:55:36Z'))).toBe(
    '- - - [10/Oct/2000:13:55:36 +0000] "-" 400 - "-" "-"\n',
  );
});
