/** What each fixture of this folder shows, and the requests it holds. A bare § is RFC 9112's. */
export interface Valid {
  readonly shows: string;
  readonly requests: readonly string[];
}

export const VALID: Readonly<Record<string, Valid>> = {
  get: {
    shows: '§3: method, target, version',
    requests: ['GET / for localhost, none, keep-alive'],
  },
  head: {
    shows: 'a method is a token like any other',
    requests: ['HEAD / for localhost, none, keep-alive'],
  },
  'unknown-method': {
    shows: 'RFC 9110 §9.1: whether a method is known is not for a parser to say',
    requests: ['BREW / for localhost, none, keep-alive'],
  },
  'lower-case-method': {
    shows: 'RFC 9110 §9.1: methods are case-sensitive, so this is another one',
    requests: ['get / for localhost, none, keep-alive'],
  },
  'method-of-every-tchar': {
    shows: 'RFC 9110 §5.6.2: a method is a token',
    requests: ["!#$%&'*+-.^_`|~09azAZ / for localhost, none, keep-alive"],
  },
  'empty-line-before': {
    shows: '§2.2: one empty line before the request line is ignored',
    requests: ['GET / for localhost, none, keep-alive'],
  },
  'empty-line-between': {
    shows: '§2.2: old clients end a POST with a CR LF too many',
    requests: [
      'POST / for localhost, length 2, keep-alive, "hi"',
      'GET / for localhost, none, keep-alive',
    ],
  },
  query: {
    shows: '§3.2.1: the query is what follows the first "?"',
    requests: ['GET /path?q=1&r=%20 for localhost, none, keep-alive'],
  },
  'query-with-question-marks': {
    shows: 'RFC 3986 §3.4: a query may contain "?"',
    requests: ['GET /?a?b=?c for localhost, none, keep-alive'],
  },
  'percent-encoded-path': {
    shows: '§3.2: the target is not decoded here',
    requests: ['GET /caf%C3%A9%2Fau%20lait for localhost, none, keep-alive'],
  },
  'broken-percent-encoding': {
    shows: 'what "%zz" means is for those to say who decode it',
    requests: ['GET /100%/%zz for localhost, none, keep-alive'],
  },
  'dots-in-path': {
    shows: 'the path is not normalised: the application sees what was asked for',
    requests: ['GET /a/../b/./c for localhost, none, keep-alive'],
  },
  'path-begins-with-two-slashes': {
    shows: '§3.2.1: an origin-form, although it looks like a host',
    requests: ['GET //example.com/x for localhost, none, keep-alive'],
  },
  'backslash-and-braces': {
    shows: 'no URI by RFC 3986, but browsers send it, and it deceives nobody',
    requests: ['GET /a\\b?{c}|^ for localhost, none, keep-alive'],
  },
  'absolute-form': {
    shows: '§3.2.2: MUST be accepted, even by those who are no proxies',
    requests: ['GET /path?q for localhost, none, keep-alive'],
  },
  'absolute-form-overrules-host': {
    shows: '§3.2.2: MUST ignore the received Host',
    requests: ['GET /x for example.com:8080, none, keep-alive'],
  },
  'absolute-form-without-path': {
    shows: 'RFC 9110 §4.2.3: an empty path is "/"',
    requests: ['GET /?q=1 for example.com, none, keep-alive'],
  },
  'absolute-form-https-in-capitals': {
    shows: 'RFC 9110 §4.2.3: a scheme is case-insensitive',
    requests: ['GET / for example.com, none, keep-alive'],
  },
  'absolute-form-ipv6': {
    shows: 'RFC 3986 §3.2.2: IP-literal',
    requests: ['GET / for [2001:db8::1]:80, none, keep-alive'],
  },
  'asterisk-form': {
    shows: '§3.2.4: OPTIONS * is about the server as a whole',
    requests: ['OPTIONS * for localhost, none, keep-alive'],
  },
  'http-1.0': {
    shows: '§3.2: HTTP/1.0 needs no Host; §9.3: and closes',
    requests: ['GET / HTTP/1.0 for nobody, none, close'],
  },
  'http-1.0-host': {
    shows: '§3.2: but may have one',
    requests: ['GET / HTTP/1.0 for localhost, none, close'],
  },
  'http-1.0-keep-alive': {
    shows: '§9.3: keep-alive, if it is asked for',
    requests: ['GET / HTTP/1.0 for localhost, none, keep-alive'],
  },
  'http-1.0-keep-alive-and-close': {
    shows: '§9.3: close wins',
    requests: ['GET / HTTP/1.0 for localhost, none, close'],
  },
  'http-1.0-content-length': {
    shows: '§6.3: Content-Length counts in HTTP/1.0 as well',
    requests: ['POST / HTTP/1.0 for nobody, length 3, close, "abc"'],
  },
  'http-1.0-expect': {
    shows: 'RFC 9110 §10.1.1: MUST ignore it in HTTP/1.0',
    requests: ['POST / HTTP/1.0 for nobody, length 3, close, "abc"'],
  },
  'connection-close': {
    shows: '§9.6: the last request',
    requests: ['GET / for localhost, none, close'],
  },
  'connection-close-in-a-list': {
    shows: 'RFC 9110 §7.6.1: a list, in any letter case',
    requests: ['GET / for localhost, none, close'],
  },
  'connection-close-in-a-second-line': {
    shows: 'RFC 9110 §5.3: lines of one list are one list',
    requests: ['GET / for localhost, none, close'],
  },
  'connection-not-quite-close': {
    shows: 'RFC 9110 §7.6.1: an option is a whole word',
    requests: ['GET / for localhost, none, keep-alive'],
  },
  'field-without-value': {
    shows: '§5: a value may be empty',
    requests: ['GET / for localhost, none, keep-alive'],
  },
  'whitespace-around-values': {
    shows: '§5.1: OWS is no part of the value',
    requests: ['GET / for localhost, none, keep-alive'],
  },
  'no-whitespace-before-value': {
    shows: '§5.1: OWS is optional',
    requests: ['GET / for localhost, none, keep-alive'],
  },
  'field-name-in-any-case': {
    shows: 'RFC 9110 §5.1: names are case-insensitive',
    requests: ['GET / for localhost, none, keep-alive'],
  },
  'field-name-of-every-tchar': {
    shows: 'RFC 9110 §5.6.2: a name is a token',
    requests: ['GET / for localhost, none, keep-alive'],
  },
  'obs-text-in-value': {
    shows: 'RFC 9110 §5.5: obs-text is opaque data',
    requests: ['GET / for localhost, none, keep-alive'],
  },
  'tab-in-value': {
    shows: 'RFC 9110 §5.5: HTAB is the one control character',
    requests: ['GET / for localhost, none, keep-alive'],
  },
  'colon-in-value': {
    shows: '§5: the first colon ends the name',
    requests: ['GET / for localhost, none, keep-alive'],
  },
  'same-field-twice': {
    shows: 'RFC 9110 §5.3: order is kept, nothing is joined',
    requests: ['GET / for localhost, none, keep-alive'],
  },
  'hundred-fields': { shows: 'maxFieldLines', requests: ['GET / for localhost, none, keep-alive'] },
  'underscore-in-name': {
    shows: "a token; that it must not pass for X-Forwarded-For is the environ's to see to",
    requests: ['GET / for localhost, none, keep-alive'],
  },
  'host-with-port': {
    shows: 'RFC 9110 §7.2: uri-host [ ":" port ]',
    requests: ['GET / for example.com:8888, none, keep-alive'],
  },
  'host-with-empty-port': {
    shows: 'RFC 3986 §3.2.3: port = *DIGIT',
    requests: ['GET / for example.com:, none, keep-alive'],
  },
  'host-empty': {
    shows: '§3.2: sent where the target has no authority; §3.3: a default is meant',
    requests: ['GET / for , none, keep-alive'],
  },
  'host-ipv6': {
    shows: 'RFC 3986 §3.2.2: IP-literal',
    requests: ['GET / for [::1]:8888, none, keep-alive'],
  },
  'host-with-underscore': {
    shows: 'RFC 3986 §2.3: unreserved',
    requests: ['GET / for web_1.internal, none, keep-alive'],
  },
  'content-length': {
    shows: '§6.2: so many bytes',
    requests: ['POST / for localhost, length 5, keep-alive, "hello"'],
  },
  'content-length-zero': {
    shows: '§6.2: none, and said so',
    requests: ['POST / for localhost, length 0, keep-alive'],
  },
  'content-length-leading-zeros': {
    shows: 'RFC 9110 §8.6: 1*DIGIT, and decimal',
    requests: ['POST / for localhost, length 5, keep-alive, "hello"'],
  },
  'content-length-one-short': {
    shows: 'what is left over begins the next request: "oGET" is a method',
    requests: [
      'POST / for localhost, length 4, keep-alive, "hell"',
      'oGET / for localhost, none, keep-alive',
    ],
  },
  'post-without-length': {
    shows: '§6.3: neither field, no body',
    requests: ['POST / for localhost, none, keep-alive'],
  },
  'get-with-body': {
    shows: 'RFC 9110 §9.3.1: framing is independent of the method (CL.0)',
    requests: ['GET / for localhost, length 5, keep-alive, "hello"'],
  },
  'body-that-looks-like-a-request': {
    shows: "§6.3: what is in the body is the body's",
    requests: [
      'POST / for localhost, length 40, keep-alive, "GET /admin HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"',
    ],
  },
  'expect-100-continue': {
    shows: 'RFC 9110 §10.1.1: case-insensitive',
    requests: ['POST / for localhost, length 2, keep-alive, 100-continue, "hi"'],
  },
  'expect-without-body': {
    shows: 'RFC 9110 §10.1.1: nothing to continue with',
    requests: ['GET / for localhost, none, keep-alive'],
  },
  chunked: {
    shows: '§7.1: chunked-body',
    requests: ['POST / for localhost, chunked, keep-alive, "hello world"'],
  },
  'chunked-empty': {
    shows: '§7.1: only the last chunk',
    requests: ['POST / for localhost, chunked, keep-alive'],
  },
  'chunked-in-capitals': {
    shows: '§7: codings are case-insensitive',
    requests: ['POST / for localhost, chunked, keep-alive, "hi"'],
  },
  'chunked-hex-in-both-cases': {
    shows: '§7.1: HEXDIG',
    requests: ['POST / for localhost, chunked, keep-alive, "01234567890123456789"'],
  },
  'chunked-leading-zeros': {
    shows: '§7.1: 1*HEXDIG, and "last-chunk = 1*("0")"',
    requests: ['POST / for localhost, chunked, keep-alive, "hello"'],
  },
  'chunked-extensions': {
    shows: '§7.1.1: MUST ignore unrecognized extensions',
    requests: ['POST / for localhost, chunked, keep-alive, "hi"'],
  },
  'chunked-extension-with-bad-whitespace': {
    shows: '§7.1.1: BWS, which a recipient MUST parse',
    requests: ['POST / for localhost, chunked, keep-alive, "hi"'],
  },
  'chunked-line-ends-in-data': {
    shows: '§7.1: data are counted, not searched',
    requests: ['POST / for localhost, chunked, keep-alive, "0\\r\\n\\r\\nx"'],
  },
  'chunked-trailers': {
    shows: '§7.1.2: a recipient may discard trailers',
    requests: ['POST / for localhost, chunked, keep-alive, "hi"'],
  },
  'chunked-trailer-that-would-frame': {
    shows: 'RFC 9110 §6.5.1: forbidden as a trailer, and discarded',
    requests: [
      'POST / for localhost, chunked, keep-alive, "hi"',
      'GET /next for localhost, none, keep-alive',
    ],
  },
  pipelined: {
    shows: '§9.3.2: one after the other',
    requests: [
      'GET /1 for localhost, none, keep-alive',
      'GET /2 for localhost, none, keep-alive',
      'GET /3 for localhost, none, keep-alive',
    ],
  },
  'pipelined-behind-a-length': {
    shows: '§9.3.2: the next begins where the body ends',
    requests: [
      'POST / for localhost, length 3, keep-alive, "abc"',
      'GET /2 for localhost, none, keep-alive',
    ],
  },
  'pipelined-behind-chunks': {
    shows: '§9.3.2: the next begins behind the last chunk',
    requests: [
      'POST / for localhost, chunked, keep-alive, "abc"',
      'GET /2 for localhost, none, keep-alive',
    ],
  },
  'pipelined-behind-get-with-body': {
    shows: "who ignores a GET's body reads it as a request",
    requests: [
      'GET / for localhost, length 3, keep-alive, "abc"',
      'GET /2 for localhost, none, keep-alive',
    ],
  },
  'upgrade-to-h2c': {
    shows: 'RFC 9110 §7.8: an upgrade may be ignored',
    requests: ['GET / for localhost, none, keep-alive'],
  },
  browser: {
    shows: 'what a browser says',
    requests: ['GET / for localhost:8888, none, keep-alive'],
  },
};
