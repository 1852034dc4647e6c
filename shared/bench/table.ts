/** What was measured, in rows and columns. In go rounds; out comes text. */
import type { Round } from './load.ts';

/** A figure for each round of each server. */
export type Figures = ReadonlyMap<string, readonly number[]>;

export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Round by round, as a machine that was busy in one was busy for both: median and spread. */
export function ratio(ours: readonly number[] = [], theirs: readonly number[] = []): string {
  const ratios = ours.map((figure, i) => figure / (theirs[i] ?? Number.NaN));
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  return `${show(median(ratios), 2)} (${show(least, 2)}-${show(most, 2)})`;
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

/** One of them is ours, and is set against each other one. What we aim at stands beside it. */
export function printRates(
  title: string,
  rounds: ReadonlyMap<string, readonly Round[]>,
  ours: string,
  aims: Readonly<Record<string, number>> = {},
): void {
  const hasAims = Object.keys(aims).length > 0;
  const head = ['', 'req/s', 'ours / it (spread)', 'req/CPU s', 'ours / it (spread)'];
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
