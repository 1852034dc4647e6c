/** What was measured, in rows and columns. In go rounds; out comes text. */
import type { Round } from './load.ts';

/** How our gateway is called in every table. */
export const OURS = 'our gateway';

/** A figure for each round of each server. */
export type Figures = ReadonlyMap<string, readonly number[]>;

export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Round by round, as a machine that was busy in one was busy for both. */
export function ratios(ours: readonly number[], theirs: readonly number[]): number[] {
  return ours.map((figure, i) => figure / (theirs[i] ?? Number.NaN));
}

/** Their median and spread. */
export function ratio(ours: readonly number[] = [], theirs: readonly number[] = []): string {
  const all = ratios(ours, theirs);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  return `${show(median(all), 2)} (${show(least, 2)}-${show(most, 2)})`;
}

/** A figure that could not be had is a dash. */
export function show(figure: number, digits = 0): string {
  return Number.isFinite(figure) ? figure.toFixed(digits) : '-';
}

/** The first column to the left, the others to the right; each as wide as it has to be. */
export function printTable(title: string, rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  console.log(`\n${title}`);
  for (const row of rows) {
    const cells = row.map((cell, i) =>
      i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
    );
    console.log(`  ${cells.join('   ')}`.trimEnd());
  }
}

/** One of them is ours, and is set against each other one; or has a name, where all are. Aims stand beside it. */
export function printRates(
  title: string,
  rounds: ReadonlyMap<string, readonly Round[]>,
  ours: string,
  aims: Readonly<Record<string, number>> = {},
): void {
  const hasAims = Object.keys(aims).length > 0;
  const versus = `${ours === OURS ? 'ours' : ours} / it (spread)`;
  const head = ['', 'req/s', versus, 'req/CPU s', versus];
  const rows = [...rounds].map(([name, theirs]) => {
    const cells = [name];
    for (const figure of ['perSecond', 'perCpuSecond'] as const) {
      const [mine, its] = [rounds.get(ours) ?? [], theirs].map((of) => of.map((r) => r[figure]));
      cells.push(show(median(its ?? [])), name === ours ? '' : ratio(mine, its));
    }
    return hasAims ? [...cells, aims[name]?.toString() ?? ''] : cells;
  });
  printTable(title, [hasAims ? [...head, 'aim'] : head, ...rows]);
}
