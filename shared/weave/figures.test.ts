/** Every figure can be read: in both themes, on a phone, and by who cannot see it. */
import { describe, expect, test } from 'vitest';
import { MARGIN, WIDTH } from './figures/draw.ts';
import { ALTS, FIGURES } from './figures/index.ts';
import { PALETTE, SIZE, widthOf } from './figures/style.ts';

const ROLES = ['ink', 'faint', 'client', 'server', 'app', 'kernel', 'alarm'] as const;
/** WCAG 2.2, 1.4.3: for text of this size. */
const MIN_CONTRAST = 4.5;
/** Units of the drawing; half of that in pixels on a phone. */
const MIN_SIZE = 15;

/** Relative luminance of a colour, as WCAG 2.2 defines it. */
function luminance(color: string): number {
  const channels = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16) / 255);
  const [r = 0, g = 0, b = 0] = channels.map((c) =>
    c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

interface Place {
  readonly content: string;
  readonly size: number;
  readonly left: number;
  readonly right: number;
  readonly base: number;
}

/** Where each text of a figure stands, with the widest of the common fonts. */
function textsOf(svg: string): Place[] {
  return [...svg.matchAll(/<text ([^>]*)>([^<]*)<\/text>/g)].map(
    ([, attributes = '', escaped = '']) => {
      const get = (name: string) =>
        new RegExp(`(?:^| )${name}="([^"]*)"`).exec(attributes)?.[1] ?? '';
      const content = escaped.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
      const [x, base, size] = [Number(get('x')), Number(get('y')), Number(get('font-size'))];
      const [mono, bold] = [/\bmono\b/.test(get('class')), /\bbold\b/.test(get('class'))];
      const width = widthOf(content, { mono, bold, size });
      const share = { middle: 0.5, end: 1 }[get('text-anchor')] ?? 0;
      return { content, size, left: x - width * share, right: x + width * (1 - share), base };
    },
  );
}

function overlap(a: Place, b: Place): boolean {
  const isBeside = a.right <= b.left + 1 || b.right <= a.left + 1;
  const isAbove = Math.abs(a.base - b.base) >= Math.min(a.size, b.size);
  return !isBeside && !isAbove;
}

test('contrast is computed as WCAG does', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
});

test.each(['light', 'dark'] as const)('%s: every text colour reads on every ground', (name) => {
  const { tint, panel, ...colors } = PALETTE[name];
  const grounds = Object.entries({ panel, ...tint });
  const weak = ROLES.flatMap((role) =>
    grounds
      .map(([ground, color]) => [role, ground, contrast(colors[role], color)] as const)
      .filter(([, , found]) => found < MIN_CONTRAST),
  );
  expect(weak).toEqual([]);
});

describe.each(Object.entries(FIGURES))('%s', (file, draw) => {
  const drawn = draw();
  const height = Number(/ height="(\d+)"/.exec(drawn)?.[1]);
  const texts = textsOf(drawn);

  test('is written where a chapter finds it, and is the same each time', () => {
    expect(file).toMatch(/^part[123]\/figures\/[a-z-]+\.svg$/);
    expect(draw()).toBe(drawn);
  });

  test('tells who cannot see it what it says', () => {
    expect(drawn).toContain('role="img"');
    expect(drawn).toMatch(/<title id="title">[^<]{8,}<\/title>\n<desc id="desc">[^<]{60,}<\/desc>/);
    const alt = ALTS[file] ?? '';
    expect(alt.split(/\s+/).length).toBeGreaterThan(15);
    expect(alt.split('. ').length).toBeLessThanOrEqual(5);
  });

  test('is well-formed, and stays itself: no script, no reference to elsewhere', () => {
    const open: string[] = [];
    for (const [, close, name = '', empty] of drawn.matchAll(/<(\/?)([a-zA-Z]+)[^>]*?(\/?)>/g)) {
      if (close) expect(open.pop()).toBe(name);
      else if (!empty) open.push(name);
    }
    expect(open).toEqual([]);
    expect(drawn).not.toMatch(/<script|href|url\(|NaN|undefined/);
    expect(drawn.replace(/&#\d+;/g, '')).not.toContain('&');
  });

  test('its text is large enough, and inside', () => {
    expect(texts.length).toBeGreaterThan(4);
    for (const { content, size, left, right, base } of texts) {
      expect(size, content).toBeGreaterThanOrEqual(MIN_SIZE);
      expect(left, content).toBeGreaterThanOrEqual(MARGIN / 2);
      expect(right, content).toBeLessThanOrEqual(WIDTH - MARGIN / 2);
      expect(base - size, content).toBeGreaterThan(0);
      expect(base, content).toBeLessThan(height - MARGIN / 2);
    }
  });

  test('no text stands on another', () => {
    const both = texts.flatMap((one, i) =>
      texts
        .slice(i + 1)
        .filter((other) => overlap(one, other))
        .map((other) => [one.content, other.content]),
    );
    expect(both).toEqual([]);
  });
});

test('the letters we use are large enough for a phone', () => {
  expect(Math.min(...Object.values(SIZE))).toBeGreaterThanOrEqual(MIN_SIZE);
});
