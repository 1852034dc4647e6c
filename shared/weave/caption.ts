/**
 * The line above a block of code: it names the file, and what of it, as in `[x.ts](x.ts), `listen`:`. A block below it is
 * typed into that file; with the word From before it, the block is only quoted, and a reader has it already.
 */
import path from 'node:path';
import type { Chapter, Fence } from './chapter.ts';

export interface Caption {
  /** As the chapter has it. */
  readonly link: string;
  /** Relative to the project's root. */
  readonly file: string;
  readonly name: string | undefined;
  readonly isQuote: boolean;
}

export const FORM = '[file.ts](file.ts), `name`:';
const CAPTION = /^(From )?\[[^\]]*\]\(([^)\s#]+)\)(?:,\s+`([^`]+)`)?:$/;

/** What the line above a block says of it; undefined if there is no such line. */
export function captionOf(chapter: Pick<Chapter, 'file'>, { above }: Fence): Caption | undefined {
  const [, from, link, name] = CAPTION.exec(above) ?? [];
  if (link === undefined) return undefined;
  const file = path.join(path.dirname(chapter.file), link);
  return { link, file, name, isQuote: from !== undefined };
}
