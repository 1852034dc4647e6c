/** Where others judge a fixture otherwise, and why we stay with ours. `varies`: their versions do not agree. */
export interface Difference {
  readonly node?: string;
  readonly nginx?: string;
  readonly because: string;
}

export const DIFFERENCES: Readonly<Record<string, Difference>> = {};
