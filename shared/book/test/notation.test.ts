/** The notation of the wire, and the scenes that are taken from the chapters: no server, no browser. */
import { describe, expect, test } from 'vitest';
import { readBook } from '../../weave/book.ts';
import { formatScript, parseScript, toPieces, toShell } from '../notation.ts';
import { requestOf, scenesOf } from '../scenes.ts';
import { PLAIN, readServer } from '../servers.ts';

describe('the notation', () => {
  test('there and back, every byte', () => {
    const bytes = String.fromCharCode(...Array.from({ length: 256 }, (_, code) => code));
    const steps = [
      { kind: 'send', bytes },
      { kind: 'pause', seconds: 0.5 },
      { kind: 'fin' },
      { kind: 'reset' },
    ] as const;
    expect(parseScript(formatScript(steps))).toEqual(steps);
  });

  test('what is typed beyond ASCII is sent as UTF-8, and a backslash stands for itself when doubled', () => {
    expect(parseScript('send ö \\\\r\\r')).toEqual([{ kind: 'send', bytes: '\xc3\xb6 \\r\r' }]);
  });

  test.each(['shout hello', 'pause', 'pause 11', 'pause soon', 'fin now'])(
    'line 2 is no step: %s',
    (line) => {
      expect(() => parseScript(`send x\n${line}`)).toThrow('Line 2 is none of');
    },
  );

  test('as a shell command it means the same bytes', () => {
    const steps = parseScript("send 100% 'ö'\\r\\n\npause 1\nsend \\x00\nfin");
    expect(toShell(steps)).toBe(
      "(printf '100%% \\047\\303\\266\\047\\r\\n'; sleep 1; printf '\\000') | nc -N localhost 8888",
    );
  });

  test('nothing is invisible: CR, LF, controls and bytes beyond ASCII have names', () => {
    const pieces = toPieces('a\r\n\x07\xc3<b>');
    expect(pieces.map(({ text }) => text)).toEqual(['a', 'CR', 'LF', '07', 'C3', '<b>']);
    expect(pieces.filter(({ isByte }) => isByte)).toHaveLength(4);
    expect(pieces.filter(({ endsLine }) => endsLine)).toHaveLength(1);
  });
});

describe('scenes', () => {
  test.each([
    ["printf 'hello\\n' | nc localhost 8888", 'send hello\\n'],
    [
      "(printf 'GET /he'; sleep 1; printf 'llo\\r\\n') | nc localhost 8888 | tail -n 1",
      'send GET /he\npause 1\nsend llo\\r\\n',
    ],
    ["printf 'J\\303\\266rg' | nc localhost 8888", 'send J\\xc3\\xb6rg'],
  ])('%s', (command, script) => {
    expect(formatScript(requestOf(command)?.steps ?? [])).toBe(script);
  });

  test('curl sends what curl sends: method, fields, a body with its length or in a chunk', () => {
    const sent = (command: string) => formatScript(requestOf(command)?.steps ?? []);
    expect(sent("curl -si -A me -H 'X-Two: a' 'localhost:8888/p?x=1' | head -1")).toBe(
      'send GET /p?x=1 HTTP/1.1\\r\\nHost: localhost:8888\\r\\nUser-Agent: me\\r\\nAccept: */*\\r\\nX-Two: a\\r\\n\\r\\n',
    );
    expect(sent('curl -d hello localhost:8888/upload')).toMatch(
      /^send POST .*Content-Length: 5.*\\r\\n\\r\\nhello$/,
    );
    expect(sent("curl -H 'Transfer-Encoding: chunked' -d hello localhost:8888")).toMatch(
      /5\\r\\nhello\\r\\n0\\r\\n\\r\\n$/,
    );
  });

  test.each([
    'kill -9 $(lsof -tiTCP:8888); curl localhost:8888',
    'curl -s -H "X-Long: $(printf %20000s | tr \' \' x)" localhost:8888',
    'curl --unknown localhost:8888',
    'curl localhost:8888/a localhost:8888/b',
    'curl http://elsewhere.example/',
    "printf 'x' | nc elsewhere.example 80",
    '(printf a; rm -rf x) | nc localhost 8888',
  ])('no scene, for it is more than one plain request: %s', (command) => {
    expect(requestOf(command)).toBeUndefined();
  });

  test('the chapters have scenes, and each names a server of the table', () => {
    const scenes = readBook().flatMap((chapter) => [...scenesOf(chapter).values()]);
    expect(scenes.length).toBeGreaterThan(50);
    for (const { server, script } of scenes) {
      expect(readServer(server), server).toBeDefined();
      expect(parseScript(script).length).toBeGreaterThan(0);
    }
  });
});

test('a server is a stage that serves, with options that open no other door and no file', () => {
  for (const words of PLAIN.filter((name) => !name.startsWith('my')))
    expect(readServer(words), words).toBeDefined();
  expect(readServer('part3 -- 3b --sleep 2')).toMatchObject({
    stage: { id: '3b' },
    args: ['--sleep', '2'],
  });
  for (const words of [
    'part3 -- client3',
    'part3 -- wsgiapp:app --unix /tmp/x',
    'part3 -- wsgiapp:app --host 0.0.0.0',
    'part3 -- 3m wsgiapp:app --access-log /etc/passwd',
    'part2 -- 2b',
    'my ../../etc/passwd',
    'part9 -- 1b',
    '',
  ])
    expect(readServer(words), words).toBeUndefined();
});
