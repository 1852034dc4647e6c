/**
 * A request that is refused: in goes a status and what was wrong with it, in words for our log. Thrown wherever it
 * is noticed and answered in one place, which is not here: this knows no bytes and no connection.
 */

/** Reasons of the statuses that this server says on its own account; RFC 9110 §15, and RFC 6585 §5 for 431. */
const REASONS: Readonly<Record<number, string>> = {
  100: 'Continue',
  400: 'Bad Request',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

/** The reason phrase of a status; where we have none, the empty one that RFC 9112 §4 allows. */
export function reasonFor(status: number): string {
  return REASONS[status] ?? '';
}

export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;

  /** `detail` never quotes the client: whoever reads the log should not have to trust what it says. */
  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}
