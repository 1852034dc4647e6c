/**
 * A chapter, taken apart: Markdown comes in, and out go its fences, headings, links, images and inline code, each with its
 * line. It knows Markdown and GitHub's anchors, and nothing of what the fences hold.
 */
import GithubSlugger from 'github-slugger';
import { Lexer, type Token, type Tokens } from 'marked';

/** Something that is not as it should be: where, what, and what to do. */
export interface Fault {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export interface Heading {
  readonly line: number;
  readonly depth: number;
  readonly slug: string;
}

export interface Fence {
  /** The line of the opening ```. */
  readonly line: number;
  readonly language: string;
  /** What stands behind the language: the name of a terminal. */
  readonly info: string;
  readonly lines: readonly string[];
  /** The paragraph directly above it. */
  readonly above: string;
  /** The `##` it stands under; empty before the first. */
  readonly section: string;
}

export interface Link {
  readonly line: number;
  readonly href: string;
}

export interface Image extends Link {
  readonly alt: string;
}

export interface Code {
  readonly line: number;
  readonly text: string;
}

export interface Chapter {
  /** Relative to the project's root. */
  readonly file: string;
  readonly text: string;
  readonly headings: readonly Heading[];
  /** Anchors of headings, and ids in HTML. */
  readonly anchors: ReadonlySet<string>;
  readonly fences: readonly Fence[];
  readonly links: readonly Link[];
  readonly images: readonly Image[];
  readonly codes: readonly Code[];
  readonly faults: readonly Fault[];
}

/** Takes a chapter apart. What cannot be understood is a fault and not an exception. */
export function parseChapter(file: string, text: string): Chapter {
  return new Parser(file, text).parse();
}

/** The chapter's text with other lines in some of its fences. */
export function replaceLines(
  chapter: Chapter,
  changes: ReadonlyMap<Fence, readonly string[]>,
): string {
  const lines = chapter.text.split('\n');
  const fromLast = [...changes].sort(([a], [b]) => b.line - a.line);
  for (const [fence, body] of fromLast) lines.splice(fence.line, fence.lines.length, ...body);
  return lines.join('\n');
}

class Parser {
  readonly #file: string;
  readonly #text: string;
  readonly #lineStarts: readonly number[];
  readonly #slugger = new GithubSlugger();
  readonly #headings: Heading[] = [];
  readonly #anchors = new Set<string>();
  readonly #fences: Fence[] = [];
  readonly #links: Link[] = [];
  readonly #images: Image[] = [];
  readonly #codes: Code[] = [];
  readonly #faults: Fault[] = [];
  #section = '';

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
    this.#lineStarts = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)];
  }

  parse(): Chapter {
    const tokens = new Lexer().lex(this.#text);
    let offset = 0;
    let above = '';
    for (const token of tokens) {
      if (!this.#text.startsWith(token.raw, offset)) {
        this.#fault(offset, 'its lines cannot be counted from here on: tabs, or CRLF?');
        break;
      }
      if (token.type === 'code') this.#addFence(token as Tokens.Code, offset, above);
      else this.#walk(token, offset, true);
      if (token.type !== 'space') above = token.type === 'paragraph' ? token.raw.trim() : '';
      offset += token.raw.length;
    }
    return {
      file: this.#file,
      text: this.#text,
      headings: this.#headings,
      anchors: this.#anchors,
      fences: this.#fences,
      links: this.#links,
      images: this.#images,
      codes: this.#codes,
      faults: this.#faults,
    };
  }

  #addFence(token: Tokens.Code, offset: number, above: string): void {
    const line = this.#lineAt(offset);
    if (token.codeBlockStyle === 'indented') {
      this.#fault(offset, 'code by indentation: put it into a fence (```)');
      return;
    }
    const [language = '', ...info] = (token.lang ?? '').split(/\s+/);
    const lines = token.raw.trimEnd().split('\n').slice(1, -1);
    this.#codes.push(...lines.map((text, index) => ({ line: line + 1 + index, text })));
    const section = this.#section;
    this.#fences.push({ line, language, info: info.join(' '), lines, above, section });
  }

  /** Notes what a token is, and all inside it. Inside, a line number is found by looking for the token's text. */
  #walk(token: Token, offset: number, isTop = false): void {
    const line = this.#lineAt(offset);
    if (token.type === 'heading') this.#addHeading(token as Tokens.Heading, line);
    if (token.type === 'link') this.#links.push({ line, href: token.href });
    if (token.type === 'image') this.#images.push({ line, href: token.href, alt: token.text });
    if (token.type === 'codespan') this.#codes.push({ line, text: token.text });
    if (token.type === 'html') this.#addHtml(token.raw, line);
    if (token.type === 'code' && !isTop)
      this.#fault(offset, 'a fence inside a list or a quotation: put it at the margin');
    if (token.type === 'text' && !('tokens' in token) && /\]\[[^\]]*\]/.test(token.raw))
      this.#fault(offset, `a link whose reference is nowhere defined: ${token.raw.trim()}`);
    let cursor = offset;
    for (const child of childrenOf(token)) {
      const found = this.#text.indexOf(child.raw, cursor);
      const isInside = found !== -1 && found <= offset + token.raw.length;
      this.#walk(child, isInside ? found : cursor);
      if (isInside) cursor = found + child.raw.length;
    }
  }

  #addHeading(token: Tokens.Heading, line: number): void {
    const slug = this.#slugger.slug(plainText(token));
    this.#headings.push({ line, depth: token.depth, slug });
    this.#anchors.add(slug);
    if (token.depth <= 2) this.#section = slug;
  }

  #addHtml(raw: string, line: number): void {
    for (const [, name, value = ''] of raw.matchAll(/\b(id|name|href|src)="([^"]*)"/g)) {
      if (name === 'id' || name === 'name') this.#anchors.add(value);
      else if (name === 'href') this.#links.push({ line, href: value });
      else this.#images.push({ line, href: value, alt: /\balt="([^"]*)"/.exec(raw)?.[1] ?? '' });
    }
  }

  /** Found by halving: a chapter has some thousand lines, and more tokens. */
  #lineAt(offset: number): number {
    let [low, high] = [0, this.#lineStarts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #fault(offset: number, message: string): void {
    this.#faults.push({ file: this.#file, line: this.#lineAt(offset), message });
  }
}

function childrenOf(token: Token): Token[] {
  if (token.type === 'list') return (token as Tokens.List).items;
  if (token.type === 'table') {
    const { header, rows } = token as Tokens.Table;
    return [header, ...rows].flat().flatMap((cell) => cell.tokens);
  }
  return 'tokens' in token && token.tokens ? token.tokens : [];
}

/** What a reader sees of a heading, without its markup: GitHub's anchors are made of that. */
function plainText(token: Token): string {
  const children = childrenOf(token);
  if (children.length > 0) return children.map(plainText).join('');
  return token.type === 'html' ? '' : 'text' in token ? token.text : token.raw;
}
