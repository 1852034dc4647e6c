/**
 * Where node:http (20.18 to 24) and nginx (1.22, Debian's) judge a fixture otherwise, and why. We stay with ours: what
 * they let pass, two servers in a row can read in two ways. A verdict that `varies` with the version is not compared.
 */
export interface Difference {
  readonly because: string;
  readonly node?: Readonly<Record<string, string>>;
  readonly nginx?: Readonly<Record<string, string>>;
}

export const DIFFERENCES: readonly Difference[] = [
  // They are stricter, or more talkative.
  {
    because: 'a method is one of a list, or at least in capitals',
    node: {
      'unknown-method': '400',
      'lower-case-method': '400',
      'method-of-every-tchar': '400',
      'content-length-one-short': '400',
    },
    nginx: {
      'lower-case-method': '400',
      'method-of-every-tchar': '400',
      'content-length-one-short': '200 400',
    },
  },
  {
    because:
      'after an error, an answer not yet sent is dropped, and behind one sent nothing is said',
    node: { 'behind-a-body-rubbish': '400', 'second-request-invalid': 'varies' },
  },
  {
    because: 'a trailer is read as if it stood in the head: later versions than 20.18 refuse some',
    node: { 'chunked-trailer-that-would-frame': 'varies' },
  },
  {
    because: 'bad whitespace is refused, although RFC 9112 §7.1.1 has a recipient parse it',
    node: { 'chunked-extension-with-bad-whitespace': '400' },
  },
  {
    because: 'HTAB is no whitespace to it',
    nginx: { 'whitespace-around-values': '400' },
  },
  {
    because: 'it has to find a file or a location, so it decodes the path and wants a host',
    nginx: { 'broken-percent-encoding': '400', 'asterisk-form': '400', 'host-empty': '400' },
  },

  // They refuse as we do, and say it otherwise.
  {
    because: 'CONNECT without a listener is closed without a word; 400 or 405 are as good as 501',
    node: { connect: 'silence', 'connect-with-origin-form': 'silence' },
    nginx: { connect: '400', 'connect-with-origin-form': '405' },
  },
  {
    because: 'the preface of HTTP/2 is recognised, and other versions are no syntax',
    node: { 'http-2-preface': '400', 'http-1.2': '400' },
    nginx: { 'http-2-preface': '400', 'http-0.9-with-version': '400' },
  },
  {
    because: 'a number that does not fit is a syntax error, not a large body',
    node: { 'content-length-of-65-bits': '400' },
    nginx: { 'content-length-of-65-bits': '400', 'chunk-size-of-64-bits': '400' },
  },
  {
    because: 'any coding but chunked is a 501, said by one line',
    nginx: {
      'te-chunked-and-a-word': '501',
      'te-chunked-and-comma': '501',
      'te-chunked-chunked': '501',
      'te-chunked-gzip': '501',
      'te-chunked-in-quotes': '501',
      'te-chunked-with-parameter': '501',
      'te-empty': '501',
      'te-gzip': '501',
      'te-gzip-and-chunked-in-two-lines': '400',
      'te-identity': '501',
      'te-xchunked': '501',
      'vertical-tab-before-chunked': '501',
    },
  },
  {
    because: 'its status for a head too large is a 494 of its own, which it shows as 400',
    nginx: { 'field-too-long': '400' },
  },

  // They let pass what we refuse.
  {
    because: 'the parser of Node.js 20.18 is an older one; this is why yours is up to date',
    node: {
      'chunk-data-ends-in-two-others': 'varies',
      'chunked-extensions': 'varies', // here it is the stricter one
      'field-name-with-space': 'varies',
      'field-without-name': 'varies',
      'head-ends-in-lf': 'varies',
      'obs-text-in-target': 'varies',
      'request-line-ends-in-lf': 'varies',
      'space-before-colon': 'varies',
      'tab-in-target': 'varies',
      'trailer-section-ends-in-lf': 'varies',
      'trailer-space-before-colon': 'varies',
    },
  },
  {
    because:
      'a LF alone ends a line, as RFC 9112 §2.2 allows: so here are two fields, there is one',
    nginx: {
      'request-line-ends-in-lf': '200',
      'head-ends-in-lf': '200',
      'head-ends-in-lf-lf': '200',
      'lf-in-field-value': 'silence', // it waits for the 5 bytes of a Content-Length behind the LF
      'chunk-size-ends-in-lf': '200',
      'chunk-data-ends-in-lf': '200',
      'chunk-data-too-short': '200', // the CR is the fifth byte, and the LF the line's end
      'chunk-extension-with-lf': '200',
      'last-chunk-ends-in-lf': '200',
      'trailer-ends-in-lf': '200',
      'trailer-section-ends-in-lf': '200',
    },
  },
  {
    because:
      'a CR before the line end is skipped, and so are empty lines, of whatever kind and number',
    node: { 'empty-line-of-lf': '200', 'two-empty-lines-before': '200' },
    nginx: { 'cr-cr-lf': '200', 'empty-line-of-lf': '200', 'two-empty-lines-before': '200' },
  },
  {
    because: 'more spaces than one are one',
    node: { 'two-spaces-before-target': '200' },
    nginx: { 'two-spaces-before-target': '200', 'space-behind-version': '200' },
  },
  {
    because:
      'HTTP/0.9 has no head: one waits for its end, the other answers with a body alone, here an empty one',
    node: { 'http-0.9': 'silence' },
    nginx: { 'http-0.9': 'silence', 'version-missing': 'silence' },
  },
  {
    because: 'any version of a major one that is known, or of any',
    node: { 'http-0.9-with-version': '200', 'http-2.0': '200' },
    nginx: { 'http-1.2': '200', 'version-of-two-digits': '200' },
  },
  {
    because: 'targets are left to whoever uses them',
    node: {
      'absolute-form-of-another-scheme': '200',
      'absolute-form-port-without-host': '200',
      'absolute-form-with-user': '200',
      'absolute-form-without-host': '200',
      'asterisk-for-get': '200',
      'fragment-in-query': '200',
      'fragment-in-target': '200',
    },
    nginx: {
      'absolute-form-of-another-scheme': '200',
      'fragment-in-query': '200',
      'fragment-in-target': '200',
      'obs-text-in-target': '200',
    },
  },
  {
    because: 'Host is left to whoever uses it; of two, node:http keeps the first',
    node: {
      'host-invalid-in-http-1.0': '200',
      'host-list': '200',
      'host-of-port-only': '200',
      'host-twice': '200',
      'host-twice-in-http-1.0': '200',
      'host-twice-the-same': '200',
      'host-with-obs-text': '200',
      'host-with-open-bracket': '200',
      'host-with-path': '200',
      'host-with-space': '200',
      'host-with-user': '200',
      'host-with-word-for-port': '200',
    },
    nginx: {
      'host-list': '200',
      'host-with-obs-text': '200',
      'host-with-open-bracket': '200',
      'host-with-user': '200',
      'host-with-word-for-port': '200',
    },
  },
  {
    because: 'Content-Type is left to whoever uses it; of two, node:http keeps the first',
    node: { 'content-type-twice': '200', 'content-type-twice-the-same': '200' },
    nginx: { 'content-type-twice': '200', 'content-type-twice-the-same': '200' },
  },
  {
    because: 'a field it takes for invalid is ignored, and of control characters only NUL is one',
    nginx: {
      'field-name-in-quotes': '200',
      'field-name-with-obs-text': '200',
      'field-without-colon': '200',
      'control-character-in-field-value': '200',
      'del-in-field-value': '200',
    },
  },
  {
    because: 'codings before chunked are left to the application, which has never heard of them',
    node: {
      'te-gzip-and-chunked-in-two-lines': '200',
      'te-gzip-chunked': '200',
      'te-identity-chunked': '200',
    },
  },
  {
    because: 'Transfer-Encoding counts in HTTP/1.0, although RFC 9112 §6.1 calls it faulty',
    node: { 'te-in-http-1.0': '200' },
  },
  {
    because: 'an expectation is ignored, or searched for the one that is known',
    node: { 'expect-two': '200' },
    nginx: { 'expect-two': '200', 'expect-unknown': '200' },
  },
  {
    because: 'chunk extensions and trailers are skipped unread',
    nginx: {
      'chunk-extension-not-a-token': '200',
      'chunk-extension-open-quotes': '200',
      'chunk-extension-without-name': '200',
      'chunk-size-space-behind': '200',
      'trailer-not-a-field': '200',
      'trailer-obs-fold': '200',
      'trailer-section-is-a-request': '200',
      'trailer-space-before-colon': '200',
    },
  },
  {
    because: 'the limit is another, or there is none: then it waits for the bytes',
    node: {
      'chunk-extension-too-long': '200',
      'chunk-size-of-64-bits': 'silence',
      'content-length-too-large': 'silence',
      'fields-too-many': '200',
      'target-too-long': '200',
      'trailers-too-long': '200',
      'trailers-too-many': '200',
    },
    nginx: {
      'chunk-extension-too-long': '200',
      'fields-too-many': '200',
      'target-too-long': '200',
      'trailers-too-long': '200',
      'trailers-too-many': '200',
    },
  },
];
