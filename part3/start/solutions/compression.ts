/** Exercise 3-x2: an application around an application, which packs what the other one says, piece by piece. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { constants, createGzip, gzipSync } from 'node:zlib';
import type { Application, Chunk, Headers, Result } from '../../../shared/wsgi.ts';

const PAGE = 'All work and no play makes Jack a dull boy.\n'.repeat(1000);

/** The application inside. */
const inner: Application = (environ, startResponse): Result => {
  const type: [string, string] = ['Content-Type', 'text/plain'];
  switch (environ.PATH_INFO) {
    case '/page': {
      startResponse('200 OK', [type, ['Content-Length', `${PAGE.length}`]]);
      const close = () => environ['wsgi.errors'].write('page closed\n');
      return Object.assign([PAGE], { close });
    }
    case '/packed': // already
      startResponse('200 OK', [type, ['Content-Encoding', 'gzip']]);
      return [gzipSync(PAGE)];
    case '/nothing':
      startResponse('204 No Content', []);
      return [];
    case '/relay': // what somebody says at that port, as it comes
      startResponse('200 OK', [type]);
      return connect(Number(environ.QUERY_STRING), '127.0.0.1');
    default:
      startResponse('404 Not Found', [type]);
      return ['not found\n'];
  }
};

export const app = compressed(inner);

function compressed(application: Application): Application {
  return async (environ, startResponse) => {
    const wantsGzip = takesGzip(environ.HTTP_ACCEPT_ENCODING ?? '');
    let isPacked = false;
    const result = await application(environ, (status, headers, excInfo) => {
      isPacked = wantsGzip && environ.REQUEST_METHOD !== 'HEAD' && isPackable(status, headers);
      const own = isPacked ? [...without('content-length', headers), GZIP] : headers;
      return startResponse(status, [...own, VARY], excInfo);
    });
    // Not before the first piece does a generator call startResponse.
    const pieces = pack(result, () => isPacked);
    return Object.assign(pieces, { close: () => result.close?.() });
  };
}

const GZIP: Headers[number] = ['Content-Encoding', 'gzip'];
const VARY: Headers[number] = ['Vary', 'Accept-Encoding'];

/** Accept-Encoding = #( codings [ ";" "q=" qvalue ] ), RFC 9110 §12.5.3. A weight of 0 means: not this one. */
function takesGzip(field: string): boolean {
  const weights = new Map<string, number>();
  for (const element of field.toLowerCase().split(',')) {
    const [coding = '', weight = 'q=1'] = element.split(';').map((part) => part.trim());
    weights.set(coding, Number(weight.replace(/^q=/, '')));
  }
  return (weights.get('gzip') ?? weights.get('*') ?? 0) > 0;
}

/** Not what has no body, is packed already, or is a part of something: its bytes are counted. */
function isPackable(status: string, headers: Headers): boolean {
  return (
    !/^(204|206|304)/.test(status) && without('content-encoding', headers).length === headers.length
  );
}

function without(name: string, headers: Headers): Headers {
  return headers.filter(([given]) => given.toLowerCase() !== name);
}

async function* pack(pieces: Result, isPacked: () => boolean): AsyncGenerator<Chunk> {
  const gzip = createGzip();
  const packed: Buffer[] = [];
  gzip.on('data', (bytes) => packed.push(bytes));
  for await (const piece of pieces) {
    if (!isPacked() || piece.length === 0) {
      yield piece;
      continue;
    }
    gzip.write(piece);
    // Without a flush, zlib keeps the first words until it has enough for a block.
    await new Promise<void>((resolve) => gzip.flush(constants.Z_SYNC_FLUSH, resolve));
    yield* packed.splice(0);
  }
  if (!isPacked()) return;
  gzip.end();
  await once(gzip, 'end');
  yield* packed;
}
