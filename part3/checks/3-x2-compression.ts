import { createGunzip, gunzipSync } from 'node:zlib';
import type { Lesson } from '../../shared/checks/check.ts';
import { comesTrue } from '../../shared/checks/run/clients.ts';
import { ask, expectStatus, request, wrongAnswer } from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { takeCall } from '../../shared/checks/run/gateway.ts';
import {
  type Answer,
  allOf,
  headerOf,
  parseAnswer,
  quote,
} from '../../shared/checks/run/response.ts';
import { sideBySide } from '../../shared/checks/run/side-by-side.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { openGate } from '../../shared/harness/gate.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

const PAGE = 'All work and no play makes Jack a dull boy.\n'.repeat(1000);

export const check: Lesson = {
  title: 'A middleware packs what its client can unpack, piece by piece',
  goal: 'A coding is negotiated: who asks says what it takes, and who answers says what it did, to caches, too.',
  hints: [
    'A browser says gzip, deflate, br;q=0.5. What may you send, and what must the head of your answer not say any more?',
    'RFC 9110 §12.5.3 (Accept-Encoding), §8.4 (Content-Encoding), §12.5.5 (Vary); node:zlib: createGzip, and flush(constants.Z_SYNC_FLUSH) - ' +
      'deflate(3) with Z_SYNC_FLUSH; in Python zlib.compressobj(wbits=31).',
    'startResponse of your own: if gzip has a weight above 0, it is no HEAD, 204 or 304, and there is no Content-Encoding: leave Content-Length ' +
      'out, add Content-Encoding: gzip. Then a generator: write each piece, flush, yield what came out; its close() calls that of the inner result.',
  ],
  anchor: 'exercises',
  lenient: [
    'how small it gets',
    '*, and which of two codings the client likes more',
    'whether HEAD says Content-Encoding',
    'the write() that startResponse returns',
    'ETag, which should differ for the two forms',
  ],
  byHand: 'curl -i --compressed http://127.0.0.1:$PORT/page | head -20',
  file: 'compression',
  solution: 'part3/start/solutions/compression.ts',
  seconds: 15,
  run: checkCompression,
  mistakes: [
    {
      name: 'packs-nothing',
      file: 'part3/start/compression.ts',
      says: 'GET /page with Accept-Encoding: gzip: expected Content-Encoding: gzip, got none',
    },
    {
      name: 'packs-for-all',
      says: 'GET /page with Accept-Encoding: gzip;q=0: expected the plain page, got Content-Encoding: gzip',
      edits: [["Number(weight.replace(/^q=/, ''))", '1']],
    },
    {
      name: 'packs-for-all',
      says: 'GET /page with Accept-Encoding: x-not-gzip: expected the plain page, got Content-Encoding: gzip',
      edits: [
        [
          "return (weights.get('gzip') ?? weights.get('*') ?? 0) > 0;",
          "return field.toLowerCase().includes('gzip') && !/q=0(\\.0*)?\\s*(,|$)/i.test(field);",
        ],
      ],
    },
    {
      name: 'letter-case',
      says: 'GET /page with Accept-Encoding: br, GZIP ; q=0.8: expected Content-Encoding: gzip, got none',
      edits: [['field.toLowerCase()', 'field']],
    },
    {
      name: 'plain-length',
      says: 'GET /page with Accept-Encoding: gzip: the packed page has the length of the plain one, or is cut; expected no Content-Length of the plain body',
      edits: [["...without('content-length', headers)", '...headers']],
    },
    {
      name: 'no-vary',
      says: 'GET /page with Accept-Encoding: gzip: expected Accept-Encoding in Vary, got none',
      edits: [['[...own, VARY]', 'own']],
    },
    {
      name: 'packs-twice',
      says: 'GET /packed, which is packed already: expected it to be unpacked in one go, and it is packed twice',
      edits: [
        ["without('content-encoding', headers).length === headers.length", 'headers.length >= 0'],
      ],
    },
    {
      name: 'packs-nothing-into-something',
      says: 'GET /nothing, a 204: it has no body that could be packed; expected no Content-Encoding',
      edits: [['/^(204|206|304)/', '/^(206|304)/']],
    },
    {
      name: 'keeps-the-pieces',
      says: 'GET /relay: the first words of a stream did not come before its end: flush each piece',
      edits: [
        [
          'await new Promise<void>((resolve) => gzip.flush(constants.Z_SYNC_FLUSH, resolve));',
          'void constants;',
        ],
      ],
    },
    {
      name: 'forgets-close',
      says: 'GET /page: close() of the result inside was not called; PEP 3333 wants it of a middleware, too',
      edits: [['{ close: () => result.close?.() }', '{}']],
    },
  ],
};

async function checkCompression(trial: Trial): Promise<void> {
  const server = await trial.startAsApp('part3/webserver3.ts');
  const get = (target: string, accepted?: string, method = 'GET') =>
    ask(
      trial,
      server,
      request(
        `${method} ${target} HTTP/1.1`,
        ...(accepted ? [`Accept-Encoding: ${accepted}`] : []),
      ),
    );
  await sideBySide([
    ...['gzip', 'br, GZIP ; q=0.8', 'gzip;q=0.001, identity'].map(async (accepted) => {
      const what = `GET /page with Accept-Encoding: ${accepted}`;
      const answer = await get('/page', accepted).catch(({ details }: Failure) => {
        throw plainLength(what, details);
      });
      expectPacked(answer, what, server);
    }),
    ...[undefined, 'gzip;q=0', 'gzip; q=0.000, br', 'x-not-gzip'].map(async (accepted) => {
      const what = `GET /page with${accepted ? '' : 'out'} Accept-Encoding${accepted ? `: ${accepted}` : ''}`;
      expectPlain(await get('/page', accepted), what, server);
    }),
    get('/packed', 'gzip').then((answer) => expectPackedOnce(answer, server)),
    get('/nothing', 'gzip').then((answer) => expectNothing(answer, server)),
    get('/page', 'gzip', 'HEAD').then((answer) => expectHead(answer, server)),
    streams(trial, server),
  ]);
  if (await comesTrue(() => server.stderr.includes('page closed'), 2)) return;
  const message =
    'GET /page: close() of the result inside was not called; PEP 3333 wants it of a middleware, too';
  throw new Failure(message, { mistake: 'forgets-close' });
}

function plainLength(what: string, details: Failure['details']): Failure {
  const message = `${what}: the packed page has the length of the plain one, or is cut; expected no Content-Length of the plain body`;
  return new Failure(message, { ...details, mistake: 'plain-length' });
}

function expectPacked(answer: Answer, what: string, server: ServerProcess): void {
  expectStatus(answer, 200, what, server, answer.status === 500 ? 'plain-length' : undefined);
  const coding = headerOf(answer, 'content-encoding');
  if (coding?.toLowerCase() !== 'gzip') {
    const isFirst = what.endsWith(': gzip');
    const mistake = isFirst ? 'packs-nothing' : 'letter-case';
    throw wrongAnswer(`${what}: expected Content-Encoding: gzip, got ${coding ?? 'none'}`, answer, {
      at: 0,
      mistake,
    });
  }
  if (!answer.isWhole) throw plainLength(what, { received: answer.bytes, at: 0 });
  const page = unpacked(answer, what);
  if (page !== PAGE)
    throw wrongAnswer(`${what}: what is unpacked is not the page, but ${quote(page)}`, answer);
  expectVary(answer, what);
}

function expectPlain(answer: Answer, what: string, server: ServerProcess): void {
  expectStatus(answer, 200, what, server);
  const coding = headerOf(answer, 'content-encoding');
  if (coding !== undefined)
    throw wrongAnswer(`${what}: expected the plain page, got Content-Encoding: ${coding}`, answer, {
      at: 0,
      mistake: 'packs-for-all',
    });
  if (answer.body.toString() !== PAGE)
    throw wrongAnswer(
      `${what}: expected the plain page, got ${quote(answer.body.toString())}`,
      answer,
    );
  expectVary(answer, what);
}

/** A cache must know that others get another form of it, also where this is the plain one. */
function expectVary(answer: Answer, what: string): void {
  const vary = allOf(answer, 'vary').join(', ');
  if (/(^|,)\s*(accept-encoding|\*)\s*(,|$)/i.test(vary)) return;
  throw wrongAnswer(`${what}: expected Accept-Encoding in Vary, got ${vary || 'none'}`, answer, {
    at: 0,
    mistake: 'no-vary',
  });
}

function expectPackedOnce(answer: Answer, server: ServerProcess): void {
  const what = 'GET /packed, which is packed already';
  expectStatus(answer, 200, what, server);
  const page = unpacked(answer, what);
  if (page === PAGE && allOf(answer, 'content-encoding').join() === 'gzip') return;
  const message = `${what}: expected it to be unpacked in one go, and it is packed twice`;
  throw wrongAnswer(message, answer, { at: 0, mistake: 'packs-twice' });
}

function expectNothing(answer: Answer, server: ServerProcess): void {
  const what = 'GET /nothing, a 204';
  expectStatus(answer, 204, what, server);
  if (headerOf(answer, 'content-encoding') === undefined && answer.body.length === 0) return;
  const message = `${what}: it has no body that could be packed; expected no Content-Encoding`;
  throw wrongAnswer(message, answer, { at: 0, mistake: 'packs-nothing-into-something' });
}

function expectHead(answer: Answer, server: ServerProcess): void {
  expectStatus(answer, 200, 'HEAD /page', server);
  expectVary(answer, 'HEAD /page');
  const isPacked = headerOf(answer, 'content-encoding') !== undefined;
  if (!isPacked || headerOf(answer, 'content-length') !== `${PAGE.length}`) return;
  const message = 'HEAD /page: it says gzip, and the Content-Length of the plain body';
  throw wrongAnswer(message, answer, { at: 0, mistake: 'plain-length' });
}

function unpacked({ body, bytes }: Answer, what: string): string {
  try {
    return gunzipSync(body).toString('latin1');
  } catch (error) {
    throw new Failure(`${what}: the body is not gzip: ${(error as Error).message}`, {
      received: bytes,
      at: bytes.indexOf('\r\n\r\n') + 4,
    });
  }
}

/** The first words come while the other end has not said its last. */
async function streams(trial: Trial, server: ServerProcess): Promise<void> {
  const gate = await openGate();
  try {
    const client = await trial.connect(server);
    await client.send(request(`GET /relay?${gate.port} HTTP/1.1`, 'Accept-Encoding: gzip'));
    const app = await takeCall(gate.opened, client);
    app.write('first words, ');
    let text = '';
    const look = async () => {
      const { received } = client;
      if (!received.includes('\r\n\r\n')) return;
      text = await unpackedSoFar(parseAnswer(received, 'open', 'GET /relay').body);
    };
    for (let looks = 0; text === '' && looks < 100; looks++) {
      await comesTrue(() => client.ending !== 'open', 0.03);
      await look();
    }
    const isHere = text === 'first words, ';
    app.end('and last');
    const { bytes, ending } = await client.readToEnd();
    if (!isHere)
      throw new Failure(
        'GET /relay: the first words of a stream did not come before its end: flush each piece',
        { received: bytes, at: 0, mistake: 'keeps-the-pieces' },
      );
    const whole = unpacked(parseAnswer(bytes, ending, 'GET /relay'), 'GET /relay');
    if (whole !== 'first words, and last')
      throw new Failure(`GET /relay: expected "first words, and last", got ${quote(whole)}`);
  } finally {
    gate.close();
  }
}

/** What can be unpacked of a beginning. */
async function unpackedSoFar(body: Buffer): Promise<string> {
  const gunzip = createGunzip();
  let text = '';
  gunzip.on('data', (bytes) => {
    text += bytes;
  });
  await new Promise<void>((resolve) => {
    gunzip.once('error', () => resolve()); // it is no gzip, which another question tells
    gunzip.write(body, () => resolve());
  });
  return text;
}
