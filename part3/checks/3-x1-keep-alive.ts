import type { Lesson } from '../../shared/checks/check.ts';
import {
  answerOf,
  ask,
  comesTrue,
  GET,
  takeAnswer,
  until,
} from '../../shared/checks/run/clients.ts';
import { CONTRACT } from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { head } from '../../shared/checks/run/gateway.ts';

const answerIn = (client: { received: Buffer; ending: 'open' | 'fin' | 'rst' }) =>
  answerOf({ ...client, ending: 'open' } as Parameters<typeof answerOf>[0]) !== undefined;

export const check: Lesson = {
  anchor: 'exercises',
  solution: 'gateway',
  title: 'A connection serves one request after another',
  goal: 'The end of an answer is not the end of the connection: framing, not FIN, says where it ends.',
  hints: [
    'If you do not close, how does the client know that the answer is over? And where does the next request begin?',
    'RFC 9112 §9.3: persistent unless "Connection: close", or HTTP/1.0 without keep-alive.',
    'a loop in the connection: read a head and its body, answer with a length or chunks, begin anew with what is left.',
  ],
  lenient: ['pipelining', 'how long an idle connection is kept'],
  byHand:
    'curl -v http://localhost:$PORT/hello http://localhost:$PORT/hello  # Re-using existing connection',
  seconds: 10,
  async run(trial) {
    const server = await trial.start({ app: CONTRACT });
    const client = await trial.connect(server);
    for (const turn of ['first', 'second', 'third']) {
      const before = client.received.length;
      await client.send(GET).catch(() => {});
      const rest = () => ({ received: client.received.subarray(before), ending: client.ending });
      await comesTrue(() => answerIn(rest()) || client.ending !== 'open', 3);
      if (!answerIn(rest())) {
        const { received } = client;
        const isClosed = turn !== 'first' && client.ending !== 'open' && received.length === before;
        const message = isClosed
          ? `The connection was closed before the ${turn} request: expected it to be kept`
          : `The ${turn} request on one connection: expected a whole answer with its length`;
        throw new Failure(message, {
          received,
          at: before,
          ...(isClosed && { mistake: 'closes-each' }),
        });
      }
    }
    const last = await ask(trial, server, head('GET /hello'));
    await takeAnswer(last, 'A client that says Connection: close');
    await until(
      () => last.ending !== 'open',
      3,
      () => new Failure('A client said "Connection: close", and the connection was kept'),
    );
  },
  mistakes: [
    {
      name: 'closes-each',
      file: 'part2/webserver2.ts',
      says: 'The connection was closed before the second request: expected it to be kept',
    },
  ],
};
