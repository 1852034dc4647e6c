/** Questions that are asked at the same time, because each of them is mostly waiting. */

/** Waits for all of them. Of several failures the one is told that stands first in the list, whenever it came. */
export async function sideBySide(questions: readonly Promise<unknown>[]): Promise<void> {
  const ends = await Promise.allSettled(questions);
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed) throw failed.reason;
}
