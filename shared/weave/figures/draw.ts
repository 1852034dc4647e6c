/**
 * The drawing vocabulary of all figures: in go labels and coordinates, out comes one SVG file that is legible on
 * light pages and dark ones. Text stays text. It must not know what the figures are about.
 */

import { type Role, SIZE, styleSheet, type TextStyle, type Tint, widthOf } from './style.ts';

/** A figure of a chapter: its file's text, and what a reader who cannot see it should know. */
export interface Figure {
  readonly title: string;
  readonly alt: string;
  svg(): string;
}

/** Units of the drawing. A phone shows 640 of them at half their size, so nothing in it is small. */
export const WIDTH = 640;
export const MARGIN = 24;

export type Point = readonly [x: number, y: number];

/** One line of text; `y` is its base line. Monospaced text is exactly as wide as we say, whatever the font. */
export function text(x: number, y: number, content: string, style: TextStyle = {}): string {
  const { role = 'ink', mono = false, bold = false, anchor = 'start' } = style;
  const size = style.size ?? (mono ? SIZE.mono : SIZE.text);
  const attributes = [
    `x="${round(x)}" y="${round(y)}" font-size="${size}"`,
    `class="i-${role}${mono ? ' mono' : ''}${bold ? ' bold' : ''}"`,
    anchor === 'start' ? '' : `text-anchor="${anchor}"`,
    mono && content.length > 1 ? `textLength="${round(widthOf(content, style))}"` : '',
  ];
  return `<text ${attributes.filter(Boolean).join(' ')}>${escapeXml(content)}</text>`;
}

/** Lines of text below each other. */
export function lines(x: number, y: number, content: string[], style: TextStyle = {}): string {
  const step = (style.size ?? SIZE.text) * 1.3;
  return content.map((line, i) => text(x, y + i * step, line, style)).join('\n');
}

export interface BoxStyle extends TextStyle {
  /** What fills it; without it only the outline is drawn. */
  readonly tint?: Tint;
  /** Whose outline it has; without it there is none. */
  readonly line?: Role;
  readonly dashed?: boolean;
}

/** A box with lines of text in its middle. Throws where they do not fit: a figure is never wrong in silence. */
export function box(x: number, y: number, w: number, h: number, label = '', style: BoxStyle = {}) {
  const { tint, line, dashed } = style;
  const look = `class="${tint ? `f-${tint}` : 'f-none'}${line ? ` s-${line}` : ''}${dashed ? ' dashed' : ''}"`;
  const place = `x="${round(x)}" y="${round(y)}" width="${round(w)}" height="${round(h)}" rx="${round(Math.min(7, w / 4))}"`;
  const rows = label === '' ? [] : label.split('\n');
  const size = style.size ?? (style.mono ? SIZE.mono : SIZE.text);
  const top = y + h / 2 - ((rows.length - 1) * size * 1.3) / 2 + size * 0.35;
  for (const row of rows) {
    if (widthOf(row, style) > w - 8) throw new Error(`"${row}" does not fit its box of ${w}`);
  }
  const labels = rows.map((row, i) =>
    text(x + w / 2, top + i * size * 1.3, row, { ...style, size, anchor: 'middle' }),
  );
  return [`<rect ${place} ${look}/>`, ...labels].join('\n');
}

export interface LineStyle {
  readonly role?: Role;
  readonly dashed?: boolean;
  /** 2 if nothing is said; never below 1.5. */
  readonly weight?: number;
}

/** A line through these points. */
export function line(points: readonly Point[], style: LineStyle = {}): string {
  const { role = 'faint', dashed = false, weight = 2 } = style;
  const path = points.map(([x, y], i) => `${i ? 'L' : 'M'}${round(x)} ${round(y)}`).join('');
  return `<path d="${path}" class="f-none s-${role}${dashed ? ' dashed' : ''}" stroke-width="${weight}"/>`;
}

/** A line that ends in an arrow's head. */
export function arrow(points: readonly Point[], style: LineStyle = {}): string {
  const [[x1, y1], [x2, y2]] = points.slice(-2) as [Point, Point];
  const length = Math.hypot(x2 - x1, y2 - y1);
  const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
  const neck: Point = [x2 - ux * 9, y2 - uy * 9];
  const corners: Point[] = [
    [x2, y2],
    [x2 - ux * 12 - uy * 6, y2 - uy * 12 + ux * 6],
    [x2 - ux * 12 + uy * 6, y2 - uy * 12 - ux * 6],
  ];
  const head = corners.map(([x, y]) => `${round(x)},${round(y)}`).join(' ');
  return `${line([...points.slice(0, -1), neck], style)}\n<polygon points="${head}" class="i-${style.role ?? 'faint'}"/>`;
}

/** An arrow from side to side with its label above it, as one side of a conversation. */
export function message(from: Point, to: Point, label: string, style: TextStyle & LineStyle = {}) {
  const [x, y] = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2 - 9];
  const { weight: _, dashed: __, ...letters } = style;
  return `${arrow([from, to], style)}\n${text(x, y, label, { size: SIZE.small, ...letters, anchor: 'middle' })}`;
}

/** A curly brace over a height, open to the left, with its middle at `x` + 16; negative depth opens it to the right. */
export function brace(x: number, top: number, bottom: number, role: Role = 'faint', depth = 16) {
  const [half, middle] = [depth / 2, (top + bottom) / 2];
  const path =
    `M${round(x)} ${round(top)}q${half} 0 ${half} 8V${round(middle - 8)}q0 8 ${half} 8` +
    `q${-half} 0 ${-half} 8V${round(bottom - 8)}q0 8 ${-half} 8`;
  return `<path d="${path}" class="f-none s-${role}" stroke-width="2"/>`;
}

/** A number in a circle, to say in two places that they belong together. */
export function badge(x: number, y: number, label: string, role: Exclude<Role, 'ink' | 'faint'>) {
  const circle = `<circle cx="${round(x)}" cy="${round(y)}" r="14" class="f-${role} s-${role}"/>`;
  const style = { role, size: SIZE.small, bold: true, anchor: 'middle' } as const;
  return `${circle}\n${text(x, y + 6, label, style)}`;
}

/** A cross: this does not get through. */
export function cross(x: number, y: number, role: Role = 'alarm', arm = 8): string {
  const stroke = (sign: number) =>
    `M${round(x - arm)} ${round(y - sign * arm)}l${2 * arm} ${sign * 2 * arm}`;
  return `<path d="${stroke(1)}${stroke(-1)}" class="f-none s-${role}" stroke-width="3"/>`;
}

export interface Cell {
  readonly bytes: string;
  readonly role?: Role;
  readonly tint?: Tint;
}

/** A tape of bytes: each cell on its tint, line ends visible as \r and \n. Returns the x behind it, too. */
export function tape(x: number, y: number, cells: readonly Cell[], size: number = SIZE.mono) {
  let at = x;
  const drawn: string[] = [];
  for (const { bytes, role, tint } of cells) {
    const shown = visible(bytes);
    const width = widthOf(shown, { mono: true, size });
    if (tint) {
      const area = `x="${round(at)}" y="${round(y - size * 0.95)}" width="${round(width)}" height="${round(size * 1.3)}"`;
      drawn.push(`<rect ${area} rx="3" class="f-${tint}"/>`);
    }
    const start = at + widthOf(/^ */.exec(shown)?.[0] ?? '', { mono: true, size });
    if (shown.trim()) {
      const isLineEnd = /^[\r\n]+$/.test(bytes);
      const style = { mono: true, size, role: role ?? (isLineEnd ? 'faint' : 'ink') } as const;
      drawn.push(text(start, y, shown.trim(), style));
    }
    at += width;
  }
  return { svg: drawn.join('\n'), end: at };
}

/** Bytes as JavaScript writes them in a string. */
export function visible(bytes: string): string {
  return bytes.replaceAll('\r', '\\r').replaceAll('\n', '\\n');
}

/** The whole file: a panel of its own colour, so that it can be read even where page and system differ in theme. */
export function figure(title: string, alt: string, height: number, draw: () => string[]): Figure {
  return { title, alt, svg: () => frame(title, alt, height, draw().join('\n')) };
}

function frame(title: string, alt: string, height: number, content: string): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"` +
      ' role="img" aria-labelledby="title desc">',
    `<title id="title">${escapeXml(title)}</title>`,
    `<desc id="desc">${escapeXml(alt)}</desc>`,
    `<style>${styleSheet(content)}</style>`,
    `<rect x="0.75" y="0.75" width="${WIDTH - 1.5}" height="${height - 1.5}" rx="12" class="panel"/>`,
    content,
    '</svg>\n',
  ].join('\n');
}

function escapeXml(content: string): string {
  return content.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}
