/**
 * Several answers on one connection, one behind the other: bytes come in, answers go out, cut as a client cuts them that
 * counts. It judges nothing; what is behind the last answer is given back as it is.
 */
import { readChunks } from '../../harness/chunks.ts';
import type { Ending } from '../../harness/raw-client.ts';

export interface Reply {
  readonly status: number;
  /** Names in lower case, as they came. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** Whether a client takes it for all. */
  readonly isWhole: boolean;
  /** Where it begins. */
  readonly at: number;
}

export interface Series {
  /** Interim ones, 1xx, are among them. */
  readonly replies: readonly Reply[];
  /** What is behind them, and is no answer. */
  readonly rest: Buffer;
}

/** `methods`: what was asked, in order; a HEAD has an answer without a body. */
export function seriesIn(bytes: Buffer, ending: Ending, methods: readonly string[] = []): Series {
  const replies: Reply[] = [];
  let [at, asked] = [0, 0];
  for (;;) {
    const rest = bytes.subarray(at);
    const end = rest.indexOf('\r\n\r\n');
    const status = Number(/^HTTP\/1\.[01] (\d{3})\b/.exec(rest.toString('latin1', 0, 13))?.[1]);
    if (end === -1 || !status) return { replies, rest };
    const isInterim = status < 200;
    const headers = fieldsIn(rest.toString('latin1', 0, end));
    const hasBody = !isInterim && methods[asked] !== 'HEAD' && status !== 204 && status !== 304;
    const behind = rest.subarray(end + 4);
    const { used, ...body } = hasBody
      ? bodyIn(headers, behind, ending)
      : { body: Buffer.alloc(0), isWhole: true, used: 0 };
    replies.push({ status, headers, ...body, at });
    if (!body.isWhole) return { replies, rest: Buffer.alloc(0) };
    if (!isInterim) asked++;
    at += end + 4 + used;
  }
}

export function fieldOf({ headers }: Pick<Reply, 'headers'>, name: string): string | undefined {
  return headers.find(([given]) => given === name)?.[1];
}

function fieldsIn(head: string): [string, string][] {
  return head
    .split('\r\n')
    .slice(1)
    .map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
}

/** RFC 9112 §6.3 */
function bodyIn(headers: Reply['headers'], bytes: Buffer, ending: Ending) {
  if (/chunked/i.test(fieldOf({ headers }, 'transfer-encoding') ?? '')) {
    const { body, isWhole, used } = readChunks(bytes);
    return { body, isWhole, used };
  }
  const length = fieldOf({ headers }, 'content-length');
  if (length === undefined) return { body: bytes, isWhole: ending === 'fin', used: bytes.length };
  const body = bytes.subarray(0, Number(length));
  return { body, isWhole: body.length === Number(length), used: body.length };
}
