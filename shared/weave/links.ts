/**
 * Links lead somewhere. Chapters come in, faults go out: files and anchors exist, also those that the checks send a reader
 * to; addresses on the web are well-formed and each has one spelling. Nothing is fetched.
 */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { Chapter, Fault, Link } from './chapter.ts';

/** Where a check sends its reader: an anchor of a chapter, and who names it. */
export interface Reference {
  readonly file: string;
  readonly anchor: string;
  readonly from: string;
}

/** The links and anchors of all chapters, which may point at each other. */
export function checkLinks(chapters: readonly Chapter[], root: string): Fault[] {
  const links = chapters.flatMap((chapter) =>
    [...chapter.links, ...chapter.images].map((link) => ({ chapter, link })),
  );
  const isOnWeb = ({ link }: { link: Link }) => /^[a-z][a-z0-9+.-]*:/i.test(link.href);
  return [
    ...links
      .filter((one) => !isOnWeb(one))
      .flatMap(({ chapter, link }) => {
        const message = followLink(chapters, chapter, link.href, root);
        return message ? [{ file: chapter.file, line: link.line, message }] : [];
      }),
    ...checkWeb(links.filter(isOnWeb)),
  ];
}

/** Every anchor that is named elsewhere is there, in the chapters that are. */
export function checkReferences(
  chapters: readonly Chapter[],
  references: readonly Reference[],
): Fault[] {
  return references.flatMap(({ file, anchor, from }) => {
    const chapter = chapters.find((one) => one.file === file);
    if (!chapter || chapter.anchors.has(anchor)) return [];
    const message = `no heading makes the anchor #${anchor}, to which ${from} sends its reader`;
    return [{ file, line: 1, message }];
  });
}

/** What is wrong with a link to a file or a section. */
function followLink(
  chapters: readonly Chapter[],
  { file, anchors }: Chapter,
  href: string,
  root: string,
): string | undefined {
  const [target = '', anchor] = href.split('#');
  if (target.startsWith('/')) return `${href} begins at no folder of this project: drop the slash`;
  const there = path.join(path.dirname(file), decodeURIComponent(target));
  if (there.startsWith('..')) return `${href} leads out of the project`;
  if (target !== '' && !exists(root, there)) return `${href} leads to no file: ${there}`;
  if (anchor === undefined) return undefined;
  const theirs =
    target === '' ? anchors : chapters.find((one) => one.file === path.normalize(there))?.anchors;
  if (!theirs) return `${href}: only headings of chapters can be linked to`;
  if (theirs.has(anchor)) return undefined;
  const word = anchor.split('-')[0] ?? '';
  const near = [...theirs].filter((one) => one.includes(word)).map((one) => `#${one}`);
  return `${href}: no heading makes this anchor${near.length > 0 ? `; there is ${near.join(', ')}` : ''}`;
}

/** As exactly as Linux does, on systems too that take capitals for small letters. */
function exists(root: string, file: string): boolean {
  const target = path.join(root, file);
  if (!existsSync(target)) return false;
  const { dir, base } = path.parse(target.replace(/\/$/, ''));
  return file === '.' || readdirSync(dir).includes(base);
}

function checkWeb(links: readonly { chapter: Chapter; link: Link }[]): Fault[] {
  const spellings = new Map<string, string>();
  return links.flatMap(({ chapter, link: { line, href } }) => {
    const fault = (message: string) => [{ file: chapter.file, line, message }];
    if (!/^(https?|mailto):/.test(href)) return fault(`${href}: neither http, https nor mailto`);
    if (!URL.canParse(href) || /\s/.test(href)) return fault(`${href} is no address`);
    const [page = ''] = href.split('#');
    const key = page
      .replace(/^https?:\/\/(www\.)?/, '')
      .replace(/(\/index\.html)?\/?$/, '')
      .toLowerCase();
    const known = spellings.get(key) ?? page;
    spellings.set(key, known);
    return known === page ? [] : fault(`${page} is ${known} elsewhere: one spelling for one page`);
  });
}
