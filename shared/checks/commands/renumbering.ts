/**
 * What becomes of a reader's progress when the ladder gets more steps: numbers of checks move, and some of them ask more than
 * before. In goes what was kept under the old numbers, out comes what still holds under the new ones.
 */

/** Ids of what passed, and how many hints were given for an id. */
interface Kept {
  readonly passed: readonly string[];
  readonly hints: Readonly<Record<string, number>>;
}

/** Kept with the progress, and one more each time that numbers move. A file without it is of the first ladder. */
export const LADDER_VERSION = 2;

/** Where the question of an old number is asked now, and whether who had passed it has passed the new one. */
interface Move {
  readonly to: string;
  /** False where it asks more now: a tick would be untrue. The next run of it says. */
  readonly isSame: boolean;
}

/** From the first ladder to the second: part 3 had two checks of its gateway, and has sixteen. */
const MOVES: Readonly<Record<string, Move>> = {
  '3-13': { to: '3-18', isSame: true },
  '3-14': { to: '3-27', isSame: false },
  '3-x1': { to: '3-13', isSame: false },
  '3-x2': { to: '3-15', isSame: false },
  '3-x3': { to: '3-24', isSame: false },
  '3-x4': { to: '3-x1', isSame: true },
  '3-x5': { to: '3-28', isSame: false },
};

/** Hints go along in any case: who has seen one for the old question knows more about the new one, too. */
export function renumber({ passed, hints }: Kept): Kept {
  return {
    passed: passed.flatMap((id) => {
      const { to = id, isSame = true } = MOVES[id] ?? {};
      return isSame ? [to] : [];
    }),
    hints: Object.fromEntries(
      Object.entries(hints).map(([id, count]) => [MOVES[id]?.to ?? id, count]),
    ),
  };
}
