/**
 * How the chapters' Markdown becomes pages: links lead to pages, terminals look like terminals, requests can be tried,
 * checks show how they stand. It changes what VitePress's parser has read, and renders nothing else itself.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type Token from 'markdown-it/lib/token.mjs';
import type { MarkdownOptions } from 'vitepress';
import { ROOT } from '../harness/server-process.ts';
import { readChapter } from '../weave/book.ts';
import { captionOf } from '../weave/caption.ts';
import type { Fence } from '../weave/chapter.ts';
import { type Step, toActs } from '../weave/transcript.ts';
import { chapterOf, leadTo } from './places.ts';
import { type Scene, scenesOf } from './scenes.ts';

type Markdown = Parameters<NonNullable<MarkdownOptions['config']>>[0];

/** What of a chapter the parser does not know. */
interface Lore {
  readonly file: string;
  readonly fences: ReadonlyMap<number, Fence>;
  readonly steps: readonly Step[];
  readonly scenes: ReadonlyMap<number, Scene>;
}

const known = new Map<string, Lore | undefined>();

export function bookMarkdown(md: Markdown): void {
  rememberColours(md);
  md.core.ruler.push('book', ({ tokens, env, Token }) => {
    const page = env.relativePath ?? '';
    const lore = loreOf(page);
    const file = lore?.file ?? (page === 'growth.md' ? 'README.md' : undefined);
    if (file) for (const token of tokens) leadLinks(file, token);
    for (const [index, token] of tokens.entries()) // a heading for no column is none
      if (
        /^th_/.test(token.type) &&
        [tokens[index + 1], tokens[index - 1]].some(
          (inner) => inner?.type === 'inline' && inner.content === '',
        )
      )
        token.tag = 'td';
    for (const token of tokens) // the picture of the book, for those who have it not before them
      if (token.type === 'html_block' && token.content.startsWith('<picture>')) token.content = '';
    if (lore) markCaptions(lore, tokens);
    for (const token of tokens) if (lore && token.type === 'inline') addChecks(token, Token);
  });
  const fence = md.renderer.rules.fence;
  md.renderer.rules.fence = (tokens, index, options, env, self) => {
    const lore = loreOf(env.relativePath ?? '');
    const shown = lore && terminal(md, lore, tokens[index]);
    return shown ?? fence?.(tokens, index, options, env, self) ?? '';
  };
  md.renderer.rules.table_open = (tokens, index) => {
    const number = tokens.slice(0, index + 1).filter(({ type }) => type === 'table_open').length;
    return `<div class="wide" tabindex="0" role="region" aria-label="table ${number}"><table>\n`;
  };
  md.renderer.rules.table_close = () => '</table></div>\n';
}

/** To colour code takes longer than all else together, so that is done once for each block, also from one start to the next. */
function rememberColours({ options }: Markdown): void {
  const colour = options.highlight;
  if (!colour) return;
  const file = path.join(import.meta.dirname, 'cache', 'colours.json');
  const before: Record<string, string> = existsSync(file)
    ? JSON.parse(readFileSync(file, 'utf8'))
    : {};
  const used: Record<string, string> = {};
  // The theme, and who colours: with others, all is coloured anew.
  const setup = createHash('sha256');
  for (const name of ['.vitepress/config.ts', 'package-lock.json'])
    setup.update(readFileSync(path.join(import.meta.dirname, name)));
  const how = setup.digest('base64');
  options.highlight = (code, language, attributes) => {
    const text = `${how} ${language} ${attributes} ${code}`;
    const key = createHash('sha256').update(text).digest('base64');
    used[key] ??= before[key] ?? colour(code, language, attributes);
    return used[key];
  };
  process.once('exit', () => writeFileSync(file, JSON.stringify(used)));
}

function loreOf(page: string): Lore | undefined {
  if (!known.has(page)) known.set(page, readLore(chapterOf(page)));
  return known.get(page);
}

function readLore(file: string | undefined): Lore | undefined {
  if (file === undefined) return undefined;
  const chapter = readChapter(file);
  const fences = new Map(chapter.fences.map((fence) => [fence.line, fence]));
  return {
    file,
    fences,
    steps: toActs(chapter).flatMap(({ steps }) => steps),
    scenes: scenesOf(chapter),
  };
}

function leadLinks(file: string, token: Token): void {
  for (const child of token.children ?? []) {
    const href = child.type === 'link_open' ? child.attrGet('href') : null;
    if (href !== null) child.attrSet('href', leadTo(file, href));
  }
}

/** The link above a block leads to the lines of the file that stand in the block. */
function markCaptions({ file, fences }: Lore, tokens: Token[]): void {
  for (const [index, token] of tokens.entries()) {
    const fence = token.type === 'fence' ? fences.get((token.map?.[0] ?? -1) + 1) : undefined;
    const caption = fence && captionOf({ file }, fence);
    const link = tokens[index - 2]?.children?.find(({ type }) => type === 'link_open');
    if (!fence || !caption || !link) continue;
    const lines = linesIn(caption.file, fence);
    if (lines) link.attrSet('href', `${link.attrGet('href')}#${lines}`);
  }
}

/** The lines that a block puts into a file, as far as the finished file still has them: `L3,L4,L9`. */
function linesIn(file: string, { language, lines }: Fence): string {
  const text = readFileSync(path.join(ROOT, file), 'utf8').split('\n');
  let [at, found] = [0, ''];
  for (const line of lines) {
    const isNew = language !== 'diff' || line.startsWith('+');
    const next = text.indexOf(language === 'diff' ? line.slice(1) : line, at);
    if (line.startsWith('-') || line.trim().length < 3 || next === -1) continue;
    at = next + 1;
    if (isNew) found += `${found && ','}L${at}`;
  }
  return found;
}

/** At the end of a step, or of an exercise, how the check stands that it ends in. */
function addChecks(token: Token, NewToken: typeof Token): void {
  const [, id] = /(?:^|\s)Check:\s`npm run check -- (\d-\w+)`/.exec(token.content) ?? [];
  if (!id) return;
  const state = new NewToken('html_inline', '', 0);
  state.content = ` <CheckState id="${id}" />`;
  token.children?.push(state);
}

/** A terminal: who it belongs to, what is typed behind a prompt, and what is printed. */
function terminal(
  md: Markdown,
  { fences, steps, scenes }: Lore,
  token: Token | undefined,
): string | undefined {
  const fence = fences.get((token?.map?.[0] ?? -1) + 1);
  if (!fence || !['console', 'sh'].includes(fence.language)) return undefined;
  const { escapeHtml } = md.utils;
  const own = steps.filter((step) => step.fence.line === fence.line);
  const parts = own.map(({ kind, command, expected, line }) => {
    const typed = kind === 'interrupts' ? '^C' : command;
    const scene = scenes.get(line);
    const sign = kind === 'interrupts' ? '' : '<span class="prompt">$ </span>';
    const input = typed && `${sign}<kbd>${escapeHtml(typed)}</kbd>\n`;
    const data = scene && encodeURIComponent(JSON.stringify({ ...scene, command }));
    const output = escapeHtml(expected.join('\n'));
    return `<pre v-pre tabindex="0"><code>${input}${output && `<samp>${output}</samp>\n`}</code></pre>${data ? `<TryIt scene="${data.replaceAll("'", '%27')}" />` : ''}`;
  });
  const name = fence.info || (fence.language === 'sh' ? 'terminal' : 'second terminal');
  const body =
    parts.join('') ||
    `<pre v-pre tabindex="0"><code>${escapeHtml(fence.lines.join('\n'))}</code></pre>`;
  return `<div class="terminal"><p class="whose">${escapeHtml(fence.info ? `terminal: ${name}` : name)}</p>${body}</div>\n`;
}
