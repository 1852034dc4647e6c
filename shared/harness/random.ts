/** Chance that can be repeated: FUZZ_SEED=N does so. */

export const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);

/** xorshift32: small, and the same everywhere. */
export function makeRandom(seed: number) {
  let state = seed || 1;
  return {
    below(bound: number): number {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % bound;
    },
    pick<T>(list: readonly T[]): T {
      return list[this.below(list.length)] as T;
    },
  };
}
export type Random = ReturnType<typeof makeRandom>;
