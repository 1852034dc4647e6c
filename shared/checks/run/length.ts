/** Content-Length against what came behind the head, and in which of the known ways it is wrong. */
import { Failure } from './failure.ts';
import { type Answer, REACTION, wrong } from './first-answer.ts';

/** Content-Length against what came behind the head. */
export function expectLength(promised: number, { bytes, bodyAt, ending }: Answer): void {
  const body = bytes.subarray(bodyAt);
  if (promised === body.length) return;
  const text = body.toString();
  if (!isUtf8(body)) throw notUtf8(bytes, bodyAt);
  const came = `Content-Length is ${promised}, and the body has ${body.length} bytes`;
  const at = bodyAt + Math.min(promised, body.length);
  const known: readonly (readonly [is: boolean, says: string, mistake: string])[] = [
    [/HTTP\/1\.[01] \d{3}/.test(text), 'another answer follows the first', 'answers-twice'],
    [promised === text.length, `${promised} is how many UTF-16 units it has`, 'string-length'],
    [
      promised === [...text].length,
      `${promised} is how many characters it has`,
      'counts-characters',
    ],
    [promised === bytes.length, `${promised} is head and body together`, 'length-of-all'],
    [promised === body.length - 1, 'the last one is not counted', 'one-too-short'],
    [promised === body.length + 1, 'one is counted that never comes', 'one-too-long'],
  ];
  const [, says, mistake] = known.find(([is]) => is) ?? [];
  if (says) throw wrong(`${came}: ${says}`, bytes, at, mistake);
  if (ending === 'fin' || promised < body.length)
    throw wrong(`${came}: expected the same number`, bytes, at);
  // Whether the number is wrong, or the body did not get through, nobody can tell from here.
  const some = `${body.length} of the ${promised} bytes that Content-Length promises`;
  const message =
    ending === 'rst'
      ? `The connection was reset after ${some}: expected all of them, and then a FIN`
      : `${some} came, then nothing for ${REACTION / 1000} s: expected the others, or a smaller number`;
  throw new Failure(message, {
    cause: ending === 'rst' ? 'reset' : 'timed out',
    received: bytes,
    at,
  });
}

/** Whether it is, though its last character may lack bytes. */
export function isUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false; // so a decoder says it
  }
}

export function notUtf8(bytes: Buffer, bodyAt: number): Failure {
  const body = bytes.subarray(bodyAt);
  const same = Buffer.from(body.toString()).findIndex((byte, index) => byte !== body[index]);
  if (isUtf8(body)) {
    const message =
      'The body ends in the middle of a character: expected all bytes of the last one';
    return wrong(message, bytes, bytes.length, 'cut-character');
  }
  const message = `The body is not UTF-8: byte ${body[same]?.toString(16)} stands alone; expected the ö as c3 b6`;
  return wrong(message, bytes, bodyAt + same, 'latin1-body');
}
