/** The line that says how far a long command has come: it is there, it goes, and only on a terminal. */
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { Progress } from './progress.ts';

/** All that is written about two steps, of which the second fails, and what stood there during each. */
async function watch(isTTY: boolean) {
  const stream = Object.assign(new PassThrough().setEncoding('utf8'), { isTTY, columns: 80 });
  const progress = new Progress(4, stream as unknown as NodeJS.WriteStream);
  const seen: string[] = [];
  const look = () => void seen.push(stream.read() ?? '');
  await progress.during('one', async () => look());
  const failing = progress.during('two', async () => {
    look();
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  look();
  return seen;
}

test('on a terminal a step has a line while it is done, and none afterwards, even if it fails', async () => {
  const [one, two, after] = await watch(true);
  expect(one).toMatch(/\[-{20}\] 0\/4 one/);
  expect(two).toMatch(/\[={5}-{15}\] 1\/4 two/);
  expect(after?.endsWith('\x1b[2K')).toBe(true); // the line is cleared
});

test('elsewhere nothing is written', async () => {
  expect(await watch(false)).toEqual(['', '', '']);
});
