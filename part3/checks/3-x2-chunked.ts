import { createHash } from 'node:crypto';
import type { Lesson } from '../../shared/checks/check.ts';
import { takeAnswer } from '../../shared/checks/run/clients.ts';
import { CONTRACT } from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { head, talk } from '../../shared/checks/run/gateway.ts';

export const check: Lesson = {
  anchor: 'exercises',
  solution: 'gateway',
  title: 'A body in chunks reaches the application without its framing',
  goal: 'A body may have no length: it has an end.',
  hints: [
    'Where does a chunk end, if its packet ends in the middle of it?',
    'RFC 9112 §7.1: size in hex, CR LF, so many bytes, CR LF; a chunk of 0, trailers, an empty line.',
    'a state machine over a buffer: size line, data, CR LF; and nothing that is not hex is a size (400).',
  ],
  lenient: ['chunk extensions', 'trailers', 'which 4xx refuses a bad size'],
  byHand:
    "curl -H 'Transfer-Encoding: chunked' --data-binary @README.md http://localhost:$PORT/sha256",
  seconds: 10,
  async run(trial) {
    const server = await trial.start({ app: CONTRACT });
    const pieces = ['one, ', 'and another of some length, ', `${'x'.repeat(70_000)}\r\n0\r\n\r\n`];
    const chunks = pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`);
    const sent = `${head('POST /sha256', 'Transfer-Encoding: chunked')}${chunks.join('')}0\r\n\r\n`;
    const digest = createHash('sha256').update(pieces.join('')).digest('hex');
    const odd = sent.indexOf('another');
    for (const slices of [[sent], [sent.slice(0, odd), sent.slice(odd, -3), sent.slice(-3)]]) {
      const client = await trial.connect(server);
      await client.send(...slices).catch(() => {});
      const { status, text } = await takeAnswer(client, 'POST in chunks');
      if (status === 200 && text === digest) continue;
      throw new Failure(
        `A body in chunks: expected its SHA-256, got ${status} ${JSON.stringify(text.slice(0, 60))}`,
        {
          received: client.received,
          at: 0,
        },
      );
    }
    const bad = `${head('POST /sha256', 'Transfer-Encoding: chunked')}1g\r\nx\r\n0\r\n\r\n`;
    const { status } = await talk(trial, server, bad);
    if (status < 400 || status > 499)
      throw new Failure(`A chunk of size 1g: expected 400, got ${status}`);
  },
  mistakes: [
    {
      name: 'refuses-chunks',
      isNamed: false,
      file: 'part2/webserver2.ts',
      says: 'A body in chunks: expected its SHA-256, got 501 "501 Not Implemented: Transfer-Encoding\\n"',
    },
  ],
};
