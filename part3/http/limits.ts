/**
 * What this server promises to bear, and where it stops: every number of part 3 with its unit, its reason, what
 * others chose, and what a client is told beyond it. Sizes are in bytes, times in seconds. No code, no imports.
 */

/** A set of limits; `{ ...LIMITS, maxBodyBytes: 10 }` is another. */
export type Limits = { readonly [name in keyof typeof LIMITS]: number };

export const LIMITS = {
  // Sizes: what one client can make us hold.

  /** Request line and field lines with their line ends; 431 beyond it. Node.js and h11: 16 KiB. */
  maxHeadBytes: 16 * 1024,
  /** The request target; 414 beyond it. RFC 9112 §3 wants 8000 and more; Apache and nginx: about 8 KiB. */
  maxTargetBytes: 8000,
  /** Field lines in a head, and in trailers; 431. Node.js drops what is beyond 2000 silently; we never. Apache: 100. */
  maxFieldLines: 100,
  /** A request's body, without what frames it; 413 beyond it. It streams, so memory is no reason. waitress: 1 GiB. */
  maxBodyBytes: 1024 ** 3,
  /** A chunk-size line with its extensions, which nobody uses and we ignore; 400 beyond it. Go: 4 KiB. */
  maxChunkLineBytes: 4 * 1024,
  /** Field lines behind a chunked body, checked and forgotten; 431 beyond it. Half of a head: they say less. */
  maxTrailerBytes: 8 * 1024,
  /**
   * What is left of a body the application did not read is read and forgotten up to here, so that the connection
   * can be kept; beyond it we close, as that costs less than reading on. Go: 256 KiB; ours is one read.
   */
  maxDrainBytes: 64 * 1024,
  /**
   * Connections of a worker at a time, TLS handshakes included; one more gets a 503, over TLS nothing, and is closed.
   * waitress: 100, gunicorn: 1000.
   */
  maxConnections: 1000,

  // Deadlines: how long one client can make us wait. 0 would mean: for ever.

  /** For the whole head, from its first byte, in however small pieces; 408. Apache: 20 to 40, Node.js: 60. */
  headTimeout: 10,
  /** Between an answer and the first byte of the next request; closed silently. Apache: 5, nginx: 75. */
  keepAliveTimeout: 5,
  /** Between two pieces of a body: slow is not stalled; 408. Apache: 20, nginx: 60. */
  bodyTimeout: 20,
  /** While a client takes nothing of its answer; reset, for there is nobody to tell. nginx: 60. */
  writeTimeout: 60,
  /** Until a thread is free for an application in Python, which then has its own time; 503. gunicorn, uWSGI: none. */
  queueTimeout: 10,
  /** For the application's next step: to begin its answer, or to go on with it; 504, or a cut. nginx: 60. */
  requestTimeout: 60,
  /**
   * The same once the client has said FIN; then it counts as gone, and the application is told. It may be half a
   * goodbye, of one that still listens: so not at once, as with node:http, Go and nginx, nor never, as with waitress.
   */
  halfCloseTimeout: 1,
  /** After our FIN, for the client's: a close with bytes unread would be a RST and destroy the answer. Apache: 2. */
  lingerTimeout: 2,
  /** At shutdown, for what is under way; then it is cut. Docker kills after 10, gunicorn after 30. */
  drainTimeout: 10,
};
