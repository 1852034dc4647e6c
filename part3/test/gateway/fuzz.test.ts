/**
 * Strangers: valid requests with a few bytes wrong, cut anywhere, and ended in every way. The seed is printed, and
 * FUZZ_SEED repeats it. What comes back must be HTTP, and afterwards all must be as it was.
 */
import { expect, test } from 'vitest';
import { describeStage, useServer } from '../../../shared/harness/describe-stages.ts';
import { hasProc, residentBytes } from '../../../shared/harness/proc.ts';
import { makeRandom, type Random, SEED } from '../../../shared/harness/random.ts';
import { RawClient } from '../../../shared/harness/raw-client.ts';
import { APP, HELLO, head, LAST, restOf, splitAnswers, talk, textsOf } from './gateway.ts';

const CONNECTIONS = 3000;
const AT_A_TIME = 30;

const chunked = 'Transfer-Encoding: chunked';
const SEEDS = [
  head('GET /hello'),
  head('HEAD /hello'),
  head('GET /environ?a=%20b', 'Cookie: a=1', 'X-A: b'),
  `${head('POST /counts', 'Content-Length: 11')}hello world`,
  `${head('POST /counts', chunked)}5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-T: 1\r\n\r\n`,
  `${head('POST /reads-a-byte', 'Content-Length: 4', 'Expect: 100-continue')}four`,
  `${head('POST /hello', 'Content-Length: 6')}unread`,
  head('GET /async'),
  head('GET /block HTTP/1.0', 'Connection: keep-alive'),
  head('OPTIONS *'),
  head('GET http://localhost/hello'),
];
const WORDS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  ':',
  ',',
  ';',
  '0',
  '-1',
  'ffffffffff',
  '\xff',
  '\t',
  chunked,
];
const FIELDS = [
  'Content-Length: 3\r\n',
  `${chunked}\r\n`,
  'Host: y\r\n',
  'Expect: x\r\n',
  ' folded\r\n',
];

/** A few requests in a row, with none to four things wrong. */
function makeBytes(random: Random): Buffer {
  let text = '';
  for (let count = 1 + random.below(3); count > 0; count--) text += random.pick(SEEDS);
  for (let count = random.below(5); count > 0; count--) {
    const at = random.below(text.length);
    const [before, after] = [text.slice(0, at), text.slice(at)];
    const lineEnd = after.indexOf('\r\n') + 2;
    const mutations = [
      () => before + random.pick(WORDS) + after,
      () => before + after.slice(1 + random.below(8)),
      () => before + String.fromCharCode(random.below(256)) + after.slice(1),
      () => before + after.slice(0, lineEnd) + random.pick(FIELDS) + after.slice(lineEnd),
      () => before + after.slice(0, random.below(40)).repeat(2) + after,
      () => before,
    ];
    text = random.pick(mutations)() || ' ';
  }
  return Buffer.from(text, 'latin1');
}

function cut(bytes: Buffer, random: Random): Buffer[] {
  const slices: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = random.below(3) === 0 ? 1 + random.below(4) : 1 + random.below(bytes.length);
    slices.push(bytes.subarray(at, at + size));
    at += size;
  }
  return slices.length > 12 ? [bytes] : slices;
}

/** Half of an answer is no fault where the connection was cut, by whomever. */
function checkAnswers(bytes: Buffer, isWhole: boolean): void {
  for (const methods of METHODS) {
    try {
      return void splitAnswers(bytes, ...methods);
    } catch (error) {
      const isHalf = /not a whole|no whole/.test((error as Error).message);
      if (methods === METHODS.at(-1) && (isWhole || !isHalf)) throw error;
    }
  }
}
/** A mutated method may be HEAD or not, and its answer cannot tell: one of these must fit. */
const METHODS = Array.from({ length: 64 }, (_, bits) =>
  Array.from({ length: 6 }, (_, index) => ((bits >> index) & 1 ? 'HEAD' : 'GET')),
);

describeStage('gateway', 'survives strangers', (stage) => {
  const server = useServer(stage, { app: APP });

  async function meet(random: Random): Promise<void> {
    const bytes = makeBytes(random);
    const ending = random.pick(['half-close', 'half-close', 'reset', 'leave'] as const);
    const client = await RawClient.connect(server().port);
    try {
      await client.send(...cut(bytes, random)).catch(() => {});
      if (ending === 'reset') await client.reset();
      if (ending !== 'half-close') return;
      client.halfClose();
      const { bytes: received, ending: theirs } = await client.readToEnd();
      checkAnswers(received, theirs === 'fin');
    } catch (error) {
      throw new Error(`seed ${SEED}: ${JSON.stringify(bytes.toString('latin1'))}`, {
        cause: error,
      });
    } finally {
      client.leave();
    }
  }

  test.runIf(hasProc)(`whatever they say, seed ${SEED} (needs /proc)`, async () => {
    console.log(`FUZZ_SEED=${SEED}`);
    for (let count = 0; count < 50; count++) await talk(server(), LAST);
    const sockets = await restOf(() => server().openSockets() ?? 0);
    const memory = residentBytes(server().pid).now;
    const random = makeRandom(SEED);
    for (let count = 0; count < CONNECTIONS; count += AT_A_TIME) {
      await Promise.all(Array.from({ length: AT_A_TIME }, () => meet(random)));
    }
    expect(textsOf(await talk(server(), LAST))).toEqual([HELLO]);
    await expect.poll(() => server().openSockets(), { timeout: 10_000 }).toBe(sockets);
    expect(residentBytes(server().pid).now).toBeLessThan(3 * memory);
    expect(server().stderr).toBe('');
  });
});
