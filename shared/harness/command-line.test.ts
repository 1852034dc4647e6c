/** The commands a reader types: what they print, how they fail, how they end. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { STAGES, type Stage } from '../stages.ts';
import { appFor, describeStage } from './describe-stages.ts';
import { RawClient } from './raw-client.ts';
import { quick, runToEnd, startCommand, startServer, tsx } from './server-process.ts';

const servers = STAGES.filter(({ can }) => can.length > 0);
const run = (...args: string[]) => runToEnd(quick('shared/run.ts', ...args));
/** The same through tsx, as it goes for a reader. */
const runAsTyped = (...args: string[]) => runToEnd(tsx('shared/run.ts', ...args));
/** The stages that are run so: the last of each part. Its other stages differ in nothing that tsx sees. */
const TYPED = ['1c', '2e', 'gateway'];
/** A server that lets its clients finish: so patient that no deadline of its own ends it here. */
const PATIENT = ['--drain-timeout', '600', '--head-timeout', '600'];
/** One line on stderr, nothing on stdout, exit 1. */
const oneLine = (pattern: RegExp) => ({
  code: 1,
  stdout: '',
  stderr: expect.stringMatching(new RegExp(`^${pattern.source}[^\n]*\n$`)),
});

function argsFor(stage: Stage): string[] {
  const { app } = appFor(stage);
  return [stage.part, stage.id, ...(app ? [app] : [])];
}

for (const stage of servers) {
  describeStage(stage.id, 'the command line', () => {
    test('a port that is taken is one clear line', async () => {
      const other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      const { port } = other.address() as { port: number };
      const type = TYPED.includes(stage.id) ? runAsTyped : run;
      const result = await type(...argsFor(stage), '--port', `${port}`);
      expect(result).toEqual(oneLine(/(listen|bind) EADDRINUSE.*127\.0\.0\.1:\d+/));
      other.close();
    });

    // PORT itself is read each time the harness starts something, and --port outranks it.
    const isWhole = test.runIf(stage.part !== 'part3' || stage.can.includes('gateway'));
    isWhole('a port that is none is one clear line', async () => {
      expect(await run(...argsFor(stage), '--port', 'abc')).toEqual(
        oneLine(/(options\.port should be|--port takes) .*'abc'/),
      );
    });

    test('an unknown option is one clear line', async () => {
      expect(await run(...argsFor(stage), '--prot', '80')).toEqual(
        oneLine(/Unknown option '--prot'/),
      );
    });

    const drained = { code: 0, signal: null };
    const ended = { code: null, signal: 'SIGTERM' }; // a shell says 143
    test.each([
      ['SIGINT', drained],
      ['SIGTERM', stage.can.includes('drains') ? drained : ended],
    ] as const)('%s ends it at once, also with a client on the line', async (signal, ending) => {
      const server = await startServer(stage, {
        ...appFor(stage),
        ...(stage.can.includes('drains') && { args: PATIENT }),
      });
      const client = await RawClient.connect(server);
      server.signal(signal);
      const goodbye = client.readToEnd();
      expect(await server.exited).toEqual(ending);
      await goodbye;
      await server.stop();
    });
  });
}

test.each([
  ['SIGINT', { code: 0, signal: null }],
  ['SIGTERM', { code: null, signal: 'SIGTERM' }],
] as const)('%s to npm run ends it and takes the server along', async (signal, ending) => {
  const server = await startCommand(['npm', 'run', '-s', 'part2', '--', 'wsgiapp:app']);
  server.signal(signal);
  expect(await server.exited).toEqual(ending);
  await server.stop();
  await expect(RawClient.connect(server.port)).rejects.toThrow('ECONNREFUSED');
});

test('--help lists stages, apps and options', async () => {
  const part1 = await run('part1', '--help');
  expect(part1).toMatchObject({ code: 0, stderr: '' });
  for (const text of ['1a', '1b', '1c', '--port', '--host', '--page']) {
    expect(part1.stdout).toContain(text);
  }
  const part2 = await run('part2', 'wsgiapp:app', '-h');
  expect(part2.code).toBe(0);
  for (const text of [
    '2a',
    '2b',
    '2c',
    '2d',
    '2e',
    'wsgiapp:app',
    'honoapp:app',
    '--read-timeout',
  ]) {
    expect(part2.stdout).toContain(text);
  }
});

test('an unknown stage, and a part that is not there, are one clear line', async () => {
  expect(await run('part1', '1x')).toEqual(oneLine(/No stage '1x' in part1; there are 1a, 1b, 1c/));
  expect(await run('part9')).toEqual(oneLine(/There is nothing to run in part9 yet/));
});

test('2a prints what would be sent', async () => {
  expect(await run('part2', '2a')).toEqual({
    code: 0,
    stdout: 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nHello from /the/middle!\n',
    stderr: '',
  });
});

test.each([[], ['2b'], ['2c'], ['2d']])(
  'part 2 without an application, %j, says what it needs',
  async (...args) => {
    const expected = 'Provide a WSGI application object as module:callable\n';
    expect(await run('part2', ...args)).toEqual({ code: 1, stdout: '', stderr: expected });
  },
);

test.each([
  [['nope:app'], /No module 'nope'; looked for/],
  [['wsgiapp:nope'], /No 'nope' in /],
  [['wsgiapp:app', 'another:app'], /One application, please: what is 'another:app'\?/],
  [['wsgiapp:app', '--workers', '1.5'], /--workers takes a whole number from 1, not '1\.5'/],
  [['wsgiapp:app', '--read-timeout', 'soon'], /--read-timeout takes a number above 0, not 'soon'/],
])('part 2 refuses %j in one line', async (args, message) => {
  expect(await run('part2', ...args)).toEqual(oneLine(message));
});

test('part 2 says on what port it serves, as the original does', async () => {
  const gateway = STAGES.find(({ id }) => id === '2e') as Stage;
  const server = await startServer(gateway, { app: 'wsgiapp:app' });
  expect(server.stdout).toMatch(/^WSGIServer: Serving HTTP on port \d+ \.\.\.\n/);
  await server.stop();
});
