/**
 * The pages of the book: chapters as they stand, and each file that a chapter links to. Chapters come in; Markdown
 * for VitePress goes into a folder. The chapters' text is not changed; where a link leads is said in one place.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { LADDER_VERSION } from '../checks/commands/renumbering.ts';
import { LADDER } from '../checks/ladder.ts';
import { ROOT } from '../harness/server-process.ts';
import { readBook } from '../weave/book.ts';
import type { Chapter } from '../weave/chapter.ts';
import { leadTo, pageOf } from './places.ts';
import { scenesOf } from './scenes.ts';
import { PLAIN } from './servers.ts';

/** Writes all pages, and the figures beside them. */
export function writePages(folder: string): void {
  const chapters = readBook();
  for (const chapter of chapters) {
    write(folder, pageOf(chapter.file), chapter.text);
    const figures = path.join(path.dirname(chapter.file), 'figures');
    if (existsSync(path.join(ROOT, figures)))
      cpSync(path.join(ROOT, figures), path.join(folder, figures), { recursive: true });
  }
  for (const file of linkedFiles(chapters)) write(folder, `source/${file}.md`, sourcePage(file));
  write(folder, 'growth.md', growthPage());
  const named = chapters.flatMap((chapter) => [...scenesOf(chapter).values()]);
  const servers = [...new Set([...PLAIN, ...named.map(({ server }) => server)])].sort();
  const checks = LADDER.map(({ id, part }) => ({ id, part }));
  write(folder, 'public/book.json', JSON.stringify({ servers, checks, ladder: LADDER_VERSION }));
}

/** Files and folders of the project, other than chapters, that any chapter links to. */
function linkedFiles(chapters: readonly Chapter[]): Set<string> {
  const pages = chapters.flatMap(({ file, links }) => links.map(({ href }) => leadTo(file, href)));
  return new Set(pages.flatMap((page) => /^\/source\/(.+)\.md/.exec(page)?.[1] ?? []));
}

function sourcePage(file: string): string {
  const full = path.join(ROOT, file);
  const isFolder = statSync(full).isDirectory();
  const text = isFolder ? readdirSync(full).join('\n') : readFileSync(full, 'utf8').trimEnd();
  const language = isFolder ? 'text' : languageOf(file);
  const head = [
    '---',
    `title: ${file}`,
    'search: false',
    'pageClass: source',
    'aside: false',
    '---',
  ];
  const fence = '``````';
  return [...head, `# ${file}`, '', `${fence}${language}:line-numbers`, text, fence, ''].join('\n');
}

function languageOf(file: string): string {
  const names: Record<string, string> = {
    pl: 'perl',
    psgi: 'perl',
    ru: 'ruby',
    rb: 'ruby',
    conf: 'nginx',
  };
  const ending = path.extname(file).slice(1);
  return names[ending] ?? (['ts', 'py', 'java', 'svg', 'json'].includes(ending) ? ending : 'text');
}

/** The table of the root README, on a page that has room for it. */
function growthPage(): string {
  const text = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  const [, section = ''] = text.split(/^(?=## How the server grows)/m);
  return `---\naside: false\npageClass: growth\n---\n#${section.split(/^(?=## )/m)[0]?.slice(2)}`;
}

function write(folder: string, page: string, text: string): void {
  const file = path.join(folder, page);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const [, script, folder] = process.argv;
if (script === import.meta.filename && folder) writePages(folder);
