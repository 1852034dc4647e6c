import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  CONTRACT,
  environOf,
  request,
  wrongAnswer,
} from '../../shared/checks/run/contract.ts';
import { PythonTrial } from '../../shared/checks/run/python-trial.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

export const check: Lesson = {
  title: 'A path is decoded once, and its query not at all',
  goal: 'Who decodes what, and how often: the server the path, once; the application the query.',
  hints: [
    'What may a %2F be in a path, and what in a query? Who can know?',
    'PEP 3333, "environ Variables" and "Unicode Issues": each char of PATH_INFO is one byte.',
    'Split at the first "?"; path.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))). The query stays as it is; REQUEST_URI is the whole target as it came.',
  ],
  anchor: 'target',
  lenient: ['%zz may stay as it is or be refused with 400', 'absolute targets, http://... (2-15)'],
  byHand: 'printf $REQUEST | nc 127.0.0.1 $PORT',
  solution: '2c',
  seconds: 5,
  run: checkTarget,
  mistakes: [
    {
      name: 'query-in-path',
      says: 'PATH_INFO: expected "/environ/caf\\xc3\\xa9 %2F", got "/environ/caf\\xc3\\xa9 %2F?q=a b?c=\\xc3\\xa9+d"',
      edits: [["percentDecode(path || '/')", 'percentDecode(request.target)']],
    },
    {
      name: 'path-not-decoded',
      says: 'PATH_INFO: expected "/environ/caf\\xc3\\xa9 %2F", got "/environ/caf%C3%A9%20%252F"',
      edits: [
        ["percentDecode(path || '/')", "path || '/'"],
        ['  percentDecode,\n', ''],
      ],
    },
    {
      name: 'decodes-twice',
      says: 'PATH_INFO: expected "/environ/caf\\xc3\\xa9 %2F", got "/environ/caf\\xc3\\xa9 /"',
      edits: [["percentDecode(path || '/')", "percentDecode(percentDecode(path || '/'))"]],
    },
    {
      name: 'path-as-unicode',
      says: 'PATH_INFO: expected "/environ/caf\\xc3\\xa9 %2F", got "/environ/caf\\xe9 %2F"',
      edits: [["percentDecode(path || '/')", 'decodeURIComponent(path)']],
    },
    {
      name: 'query-decoded',
      says: 'QUERY_STRING: expected "q=a%20b?c=%C3%A9+d", got "q=a b?c=\\xe9+d"',
      edits: [['QUERY_STRING: query', 'QUERY_STRING: decodeURIComponent(query)']],
    },
    {
      name: 'query-cut',
      says: 'QUERY_STRING: expected "q=a%20b?c=%C3%A9+d", got "q=a%20b"',
      edits: [['QUERY_STRING: query', "QUERY_STRING: request.target.split('?')[1] ?? ''"]],
    },
    {
      name: 'malformed-escape',
      says: 'GET /environ/%zz: expected %zz as it is, or a 400; got 500: decodeURIComponent throws on it',
      edits: [
        [
          "percentDecode(path || '/')",
          "Buffer.from(decodeURIComponent(path || '/')).toString('latin1')",
        ],
      ],
    },
    {
      name: 'plus-as-space',
      says: 'PATH_INFO: expected "/environ/a+b\\xc3\\xa9", got "/environ/a b\\xc3\\xa9"',
      edits: [["percentDecode(path || '/')", "percentDecode(path.replaceAll('+', ' '))"]],
    },
    {
      name: 'capital-digits-only',
      says: 'PATH_INFO: expected "/environ/a+b\\xc3\\xa9", got "/environ/a+b%c3%a9"',
      file: 'part2/http.ts',
      edits: [['/%([\\da-f]{2})/gi', '/%([\\dA-F]{2})/g']],
    },
    {
      name: 'path-normalized',
      says: 'PATH_INFO: expected "/environ//a/../b/./c;", got "/environ/b/c;"',
      edits: [
        [
          "percentDecode(path || '/')",
          "percentDecode(new URL(path, 'http://x').pathname.replace('//', '/'))",
        ],
      ],
    },
    {
      name: 'no-asterisk',
      says: 'OPTIONS *: expected the app to be asked, got 400',
      edits: [["if (target === '*' && method !== 'OPTIONS')", "if (target === '*')"]],
    },
  ],
};

async function checkTarget(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  const [path, query] = ['/environ/caf%C3%A9%20%252F', 'q=a%20b?c=%C3%A9+d'];
  const seen = await environOf(trial, server, `GET ${path}?${query} HTTP/1.1`);
  seen.expect('PATH_INFO', '/environ/caf\xc3\xa9 %2F', {
    [path]: 'path-not-decoded',
    [`${path}?${query}`]: 'query-in-path',
    '/environ/caf\xc3\xa9 %2F?q=a b?c=\xc3\xa9+d': 'query-in-path',
    '/environ/caf\xe9 %2F?q=a b?c=\xe9+d': 'query-in-path',
    '/environ/caf\xc3\xa9 /': 'decodes-twice',
    '/environ/caf\xe9 /': 'decodes-twice',
    '/environ/caf\xe9 %2F': 'path-as-unicode',
  });
  seen.expect('QUERY_STRING', query, {
    [`?${query}`]: 'query-with-mark',
    'q=a%20b': 'query-cut',
    'q=a b?c=\xe9+d': 'query-decoded',
    'q=a b?c=\xc3\xa9+d': 'query-decoded',
    'q=a b?c=\xe9 d': 'query-decoded',
  });
  // shared/wsgi.ts asks for it and PEP 3333 does not: Python's servers have it, or something like it, or nothing.
  if (!(trial instanceof PythonTrial)) seen.expect('REQUEST_URI', `${path}?${query}`);
  (await environOf(trial, server, 'GET /environ HTTP/1.1')).expect('QUERY_STRING', '', {
    undefined: 'query-undefined',
  });
  (await environOf(trial, server, 'GET /environ/a+b%c3%a9 HTTP/1.1')).expect(
    'PATH_INFO',
    '/environ/a+b\xc3\xa9',
    {
      '/environ/a b\xc3\xa9': 'plus-as-space',
      '/environ/a b\xe9': 'plus-as-space',
      '/environ/a+b%c3%a9': 'capital-digits-only',
    },
  );
  (await environOf(trial, server, 'GET /environ//a/../b/./c; HTTP/1.1')).expect(
    'PATH_INFO',
    '/environ//a/../b/./c;',
    { '/environ/b/c;': 'path-normalized', '/environ//b/c;': 'path-normalized' },
  );
  await expectOptions(trial, server);
  const answer = await ask(trial, server, request('GET /environ/%zz HTTP/1.1'));
  if (answer.status >= 500) {
    const message = `GET /environ/%zz: expected %zz as it is, or a 400; got ${answer.status}: decodeURIComponent throws on it`;
    throw wrongAnswer(message, answer, { at: 9, server, mistake: 'malformed-escape' });
  }
}

/** The one target that is no path: it is about the server, and only OPTIONS may ask for it; RFC 9112 §3.2.4. */
async function expectOptions(trial: Trial, server: ServerProcess): Promise<void> {
  const answer = await ask(trial, server, request('OPTIONS * HTTP/1.1'));
  if (answer.status !== 400) return;
  const message = 'OPTIONS *: expected the app to be asked, got 400';
  throw wrongAnswer(message, answer, { at: 9, server, mistake: 'no-asterisk' });
}
