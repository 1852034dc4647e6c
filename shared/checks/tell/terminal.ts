/** What the terminal can do, asked in one place. */
import { styleText } from 'node:util';
import type { Look } from './report.ts';

/** Text is no wider than this: long lines are hard to read. */
const WIDEST = 96;
const NARROWEST = 40;

/** Colour only where the terminal has it; it knows NO_COLOR and FORCE_COLOR. */
export function hasColour(stream: NodeJS.WriteStream): boolean {
  return Boolean(stream.isTTY) && stream.getColorDepth() > 1;
}

export function lookOf(stream: NodeJS.WriteStream): Look {
  const isColoured = hasColour(stream);
  return {
    width: Math.max(NARROWEST, Math.min(stream.columns ?? 80, WIDEST)),
    paint: (colour, text) =>
      isColoured ? styleText(colour, text, { validateStream: false }) : text,
  };
}
