/** Where a chapter, or a file of the project, is in the book: names of pages, and nothing is read. */
import path from 'node:path';
import { FILES } from '../weave/book.ts';

/** The page of a chapter: `part1/README.md` is the index of its folder. */
export function pageOf(chapter: string): string {
  return chapter.replace(/README\.md$/, 'index.md');
}

/** The chapter that a page shows, or undefined for all other pages. */
export function chapterOf(page: string): string | undefined {
  return FILES.find((file) => pageOf(file) === page);
}

/** The page, and the place in it, that a link in a chapter leads to; links to the web are left as they are. */
export function leadTo(chapter: string, href: string): string {
  if (/^[a-z][a-z\d+.-]*:|^#/i.test(href)) return href;
  const [target = '', anchor] = href.split('#');
  const file = path.join(path.dirname(chapter), decodeURIComponent(target)).replace(/\/$/, '');
  const page = FILES.includes(file) ? pageOf(file) : `source/${file}.md`;
  return `/${page}${anchor === undefined ? '' : `#${anchor}`}`;
}
