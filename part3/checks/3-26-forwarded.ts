import type { Lesson } from '../../shared/checks/check.ts';
import { ask, environIn, request, type Seen } from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { startWith } from '../../shared/checks/run/options.ts';
import { sideBySide } from '../../shared/checks/run/side-by-side.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

/** What only a proxy may say of its client, and the names under which an application would be told. */
const CLAIMS: readonly (readonly [name: string, value: string])[] = [
  ['X-Forwarded-For', '6.6.6.6'],
  ['X-Forwarded-Proto', 'https'],
  ['X-Forwarded-Host', 'bank.example'],
  ['x-forwarded-port', '443'],
  ['Forwarded', 'for=6.6.6.6;proto=https'],
  ['X-Real-IP', '6.6.6.6'],
];
const NOBODY_HERE = '10.1.2.3';

export const check: Lesson = {
  title: 'What a proxy says of its client is believed from named proxies only',
  goal: 'A field is text, and anybody can type it: who says it decides what it is worth.',
  hints: [
    'X-Forwarded-For: 127.0.0.1, says a client, and your application opens the door to its administrator. Who had told it that?',
    'socket.remoteAddress - getpeername(2): that one nobody can type. RFC 7239 §8.1 (who may have written the field), RFC 3875 §4.1.18 (HTTP_*); ' +
      'CVE-2016-5385 (HTTP_PROXY).',
    'isProxy = the address is in --forwarded-allow-ips. If it is: REMOTE_ADDR is the last address of X-Forwarded-For, the one that the proxy ' +
      'itself has added, and wsgi.url_scheme is X-Forwarded-Proto. If not: none of these fields reaches the environ. Whoever it is: no Proxy, ' +
      'and no name with an underscore.',
  ],
  anchor: 'server/README.md#who-says-who-you-are',
  lenient: [
    'who is believed where nobody is named',
    'networks in the list',
    'whether a name with an underscore is left out, or refused with a 400',
    'whether an application behind a proxy sees its fields, too',
    'REMOTE_PORT, which is not that of the client any more',
    'Forwarded and X-Real-IP of a named proxy: nobody has to read them',
  ],
  byHand:
    "curl -s http://127.0.0.1:$PORT/environ -H 'X-Forwarded-For: 6.6.6.6, 9.9.9.9' -H 'X_Forwarded_For: 6.6.6.6' -H 'Proxy: evil.example'",
  solution: '3m',
  seconds: 10,
  run: checkForwarded,
  mistakes: [
    {
      name: 'unknown-option',
      file: 'part3/server/options.ts',
      says: 'Started with --forwarded-allow-ips 127.0.0.1 your program ended before it was ready',
      edits: [["'forwarded-allow-ips': text, ", '']],
    },
    {
      name: 'believes-strangers',
      file: 'part3/gateway/environ.ts',
      says: 'A stranger says X-Forwarded-For: 6.6.6.6: REMOTE_ADDR: expected "127.0.0.1", got "6.6.6.6"',
      edits: [
        ['if (peer.isProxy) believe(environ);', 'believe(environ);'],
        [' || (!peer.isProxy && FORWARDED.test(variable))', ''],
      ],
    },
    {
      name: 'passes-on-what-strangers-say',
      file: 'part3/gateway/environ.ts',
      says: 'A stranger says X-Forwarded-For: 6.6.6.6: HTTP_X_FORWARDED_FOR: expected none, got "6.6.6.6"',
      edits: [[' || (!peer.isProxy && FORWARDED.test(variable))', '']],
    },
    {
      name: 'passes-on-what-strangers-say',
      file: 'part3/gateway/environ.ts',
      says: 'A stranger says Forwarded: for=6.6.6.6;proto=https: HTTP_FORWARDED: expected none, got "for=6.6.6.6;proto=https"',
      edits: [['/^HTTP_(FORWARDED|X_FORWARDED_\\w+|X_REAL_IP)$/', '/^HTTP_X_FORWARDED_\\w+$/']],
    },
    {
      name: 'believes-nobody',
      file: 'part3/gateway/environ.ts',
      says: 'A named proxy says X-Forwarded-For: 6.6.6.6, 9.9.9.9: REMOTE_ADDR: expected "9.9.9.9", got "127.0.0.1"',
      edits: [['if (peer.isProxy) believe(environ);', '']],
    },
    {
      name: 'takes-the-first',
      file: 'part3/gateway/environ.ts',
      says: 'A named proxy says X-Forwarded-For: 6.6.6.6, 9.9.9.9: REMOTE_ADDR: expected "9.9.9.9", got "6.6.6.6"',
      edits: [
        [
          "environ.HTTP_X_FORWARDED_FOR?.split(',').at(-1)",
          "environ.HTTP_X_FORWARDED_FOR?.split(',').at(0)",
        ],
      ],
    },
    {
      name: 'takes-the-whole-list',
      file: 'part3/gateway/environ.ts',
      says: 'A named proxy says X-Forwarded-For: 6.6.6.6, 9.9.9.9: REMOTE_ADDR: expected "9.9.9.9", got "6.6.6.6, 9.9.9.9"',
      edits: [
        ["environ.HTTP_X_FORWARDED_FOR?.split(',').at(-1)?.trim()", 'environ.HTTP_X_FORWARDED_FOR'],
      ],
    },
    {
      name: 'forgets-the-scheme',
      file: 'part3/gateway/environ.ts',
      says: 'A named proxy says X-Forwarded-Proto: https: wsgi.url_scheme: expected "https", got "http"',
      edits: [
        ["if (scheme === 'http' || scheme === 'https') environ['wsgi.url_scheme'] = scheme;", ''],
      ],
    },
    {
      name: 'underscore-poses-as-hyphen',
      file: 'part3/gateway/environ.ts',
      says: 'A client through a named proxy says X-Forwarded-For: 9.9.9.9, and X_Forwarded_For: 6.6.6.6: REMOTE_ADDR: expected "9.9.9.9", got "6.6.6.6"',
      edits: [["upper.includes('_') || ", '']],
    },
    {
      name: 'underscore-poses-as-hyphen',
      file: 'part3/gateway/environ.ts',
      says: 'A client says X_Mine: 1: HTTP_X_MINE: expected none, got "1"',
      edits: [["upper.includes('_')", "(upper.includes('_') && FORWARDED.test(`HTTP_${upper}`))"]],
    },
    {
      name: 'httpoxy',
      file: 'part3/gateway/environ.ts',
      says: 'A client says Proxy: evil.example: HTTP_PROXY: expected none, got "evil.example"',
      edits: [[" || upper === 'PROXY'", '']],
    },
  ],
};

async function checkForwarded(trial: Trial): Promise<void> {
  const allow = (address: string) => startWith(trial, ['--forwarded-allow-ips', address]);
  const starting = [allow('127.0.0.1'), allow(NOBODY_HERE)];
  await Promise.allSettled(starting); // so that both can be ended, if one is not there
  const [behind, open] = (await Promise.all(starting)) as [ServerProcess, ServerProcess];
  const claims = CLAIMS.map(([name, value]) => hearsAStranger(trial, open, name, value));
  await sideBySide([
    ...claims,
    hearsAProxy(trial, behind),
    ...[behind, open].map((server) => lendsNoName(trial, server)),
  ]);
}

/** A question with these fields, and what the application was told; undefined if the server refuses it. */
async function environFor(
  trial: Trial,
  server: ServerProcess,
  who: string,
  fields: readonly string[],
  mayRefuse = false,
): Promise<Told | undefined> {
  const what = `${who} says ${fields.join(', and ')}`;
  const answer = await ask(trial, server, request('GET /environ HTTP/1.1', ...fields));
  if (mayRefuse && answer.status === 400) return undefined;
  return new Told(what, environIn(answer, what, server));
}

/** What an application was told, and why it should have been. */
class Told {
  readonly #what: string;
  readonly #seen: Seen;

  constructor(what: string, seen: Seen) {
    this.#what = what;
    this.#seen = seen;
  }

  get environ(): Readonly<Record<string, unknown>> {
    return this.#seen.environ;
  }

  expect(key: string, wanted: string | undefined, known: Record<string, string> = {}): void {
    try {
      this.#seen.expect(key, wanted, known);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      throw new Failure(`${this.#what}: ${error.message}`, error.details);
    }
  }
}

async function hearsAStranger(
  trial: Trial,
  server: ServerProcess,
  name: string,
  value: string,
): Promise<void> {
  const told = await environFor(trial, server, 'A stranger', [`${name}: ${value}`]);
  const address = '127.0.0.1';
  // A socket for both kinds of addresses shows those of the old kind so.
  if (told?.environ.REMOTE_ADDR !== `::ffff:${address}`)
    told?.expect('REMOTE_ADDR', address, { '6.6.6.6': 'believes-strangers' });
  told?.expect('wsgi.url_scheme', 'http', { https: 'believes-strangers' });
  const key = `HTTP_${name.toUpperCase().replaceAll('-', '_')}`;
  told?.expect(key, undefined, { [value]: 'passes-on-what-strangers-say' });
}

async function hearsAProxy(trial: Trial, server: ServerProcess): Promise<void> {
  const say = (...fields: string[]) => environFor(trial, server, 'A named proxy', fields);
  const known = {
    '127.0.0.1': 'believes-nobody',
    '::ffff:127.0.0.1': 'believes-nobody',
    '6.6.6.6': 'takes-the-first',
    '6.6.6.6, 9.9.9.9': 'takes-the-whole-list',
  };
  const one = await say('X-Forwarded-For: 6.6.6.6, 9.9.9.9');
  one?.expect('REMOTE_ADDR', '9.9.9.9', known);
  one?.expect('wsgi.url_scheme', 'http');
  const two = await say('X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 9.9.9.9');
  two?.expect('REMOTE_ADDR', '9.9.9.9', known);
  const secure = await say('X-Forwarded-Proto: https');
  secure?.expect('wsgi.url_scheme', 'https', { http: 'forgets-the-scheme' });
  if (secure?.environ.REMOTE_ADDR !== '::ffff:127.0.0.1')
    secure?.expect('REMOTE_ADDR', '127.0.0.1');
  const posing = await environFor(
    trial,
    server,
    'A client through a named proxy',
    ['X-Forwarded-For: 9.9.9.9', 'X_Forwarded_For: 6.6.6.6'],
    true,
  );
  posing?.expect('REMOTE_ADDR', '9.9.9.9', { '6.6.6.6': 'underscore-poses-as-hyphen' });
}

/** Neither a named proxy nor a stranger: what comes under these names is a client's word in any case. */
async function lendsNoName(trial: Trial, server: ServerProcess): Promise<void> {
  const poser = await environFor(trial, server, 'A client', ['X_Mine: 1'], true);
  poser?.expect('HTTP_X_MINE', undefined, { 1: 'underscore-poses-as-hyphen' });
  const value = 'evil.example';
  const proxy = await environFor(trial, server, 'A client', [`Proxy: ${value}`], true);
  proxy?.expect('HTTP_PROXY', undefined, { [value]: 'httpoxy' });
  const other = await environFor(trial, server, 'A client', ['X-Mine: 1', 'Proxy-Mine: 2']);
  other?.expect('HTTP_X_MINE', '1');
  other?.expect('HTTP_PROXY_MINE', '2');
}
