/** A body that breaks while the application reads it: the refusal is the server's, whatever the application makes of it. */
import { expect, test } from 'vitest';
import { forEveryApp, JAVASCRIPT, PYTHON } from '../../../shared/harness/contract/every-app.ts';
import { describeStage, useServer } from '../../../shared/harness/describe-stages.ts';
import { answersOf, ask, head, statusesOf, talk } from './gateway.ts';

const TYPE = 'Content-Type: application/octet-stream';
const CHUNKED = head('POST /upload', TYPE, 'Transfer-Encoding: chunked');
const CUT_SHORT = 'cut short';

/** Name, the status that refuses it, what is sent; and whether the client says FIN behind it. */
const BROKEN: [what: string, status: number, head: string, body: string, ending?: string][] = [
  ['a chunk whose size is no number', 400, CHUNKED, '3\r\nabc\r\nx\r\n'],
  ['a chunk that is longer than it says', 400, CHUNKED, '3\r\nabcd\r\n0\r\n\r\n'],
  ['a trailer that is no field', 400, CHUNKED, '3\r\nabc\r\n0\r\nno field\r\n\r\n'],
  ['chunks beyond the limit', 413, CHUNKED, `3\r\nabc\r\n64\r\n${'x'.repeat(100)}\r\n0\r\n\r\n`],
  ['chunks without an end', 400, CHUNKED, '3\r\nabc\r\n', CUT_SHORT],
  [
    'fewer bytes than promised',
    400,
    head('POST /upload', TYPE, 'Content-Length: 9'),
    'abc',
    CUT_SHORT,
  ],
];

forEveryApp({ ...JAVASCRIPT, ...PYTHON }, (app) => {
  describeStage('gateway', 'refuses what the client broke', (stage) => {
    const server = useServer(stage, { app, args: ['--max-body-bytes', '100'] });

    test.each(BROKEN)('%s: %i', async (_what, status, requestHead, body, ending) => {
      for (const slices of [[requestHead + body], [requestHead, body]]) {
        const client = await ask(server(), ...slices);
        if (ending === CUT_SHORT) client.halfClose();
        expect(statusesOf(await answersOf(client))).toEqual([status]);
      }
      const whole = `${CHUNKED.replace('\r\n', '\r\nConnection: close\r\n')}3\r\nabc\r\n0\r\n\r\n`;
      expect(statusesOf(await talk(server(), whole))).toEqual([200]);
    });

    test('and nobody is told that the application broke a rule', () => {
      expect(server().stderr).not.toMatch(/PEP 3333|the Python application raised/);
    });
  });
});
