/**
 * What the figures look like: colours for both themes, fonts, and how wide a text will be. In go roles and letters, out
 * come CSS and units of the drawing.
 */

/** Letters, in units of the drawing; a test holds that nothing is smaller than 15. */
export const SIZE = { text: 19, small: 17, mono: 18, smallMono: 17 } as const;

/** Who it is about: every role has a colour for text and lines, and a tint for areas. */
export type Role = 'ink' | 'faint' | 'client' | 'server' | 'app' | 'kernel' | 'alarm';
type Theme = Record<Role | 'panel' | 'border', string> & { tint: Record<Tint, string> };
/** What text may stand on. */
export type Tint = 'quiet' | 'client' | 'server' | 'app' | 'kernel' | 'alarm';

/** Every text colour reads on every tint, and on the panel, with 4.5:1 and more (WCAG 2.2, 1.4.3): a test holds it. */
export const PALETTE: Record<'light' | 'dark', Theme> = {
  light: {
    ...{ panel: '#fdfdfb', border: '#d0d4da', ink: '#1f2328', faint: '#565d66' },
    ...{ client: '#0a4f9e', server: '#853e00', app: '#0d5c39', kernel: '#5a379c' },
    alarm: '#a8122a',
    tint: {
      ...{ quiet: '#eceef1', client: '#dcebfb', server: '#fce8d4', app: '#d9f1e3' },
      ...{ kernel: '#ebe5f8', alarm: '#fde3e5' },
    },
  },
  dark: {
    ...{ panel: '#14181f', border: '#3a424d', ink: '#e8edf3', faint: '#a9b3be' },
    ...{ client: '#8fc4ff', server: '#ffbb80', app: '#80dca8', kernel: '#cdb9ff' },
    alarm: '#ffa3ab',
    tint: {
      ...{ quiet: '#272d37', client: '#12304f', server: '#47290e', app: '#113b27' },
      ...{ kernel: '#35285a', alarm: '#521a20' },
    },
  },
};

const FONTS = {
  sans: "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif",
  mono: "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace",
};

export interface TextStyle {
  readonly role?: Role;
  readonly size?: number;
  readonly mono?: boolean;
  readonly bold?: boolean;
  readonly anchor?: 'start' | 'middle' | 'end';
}

/** Only the rules that this figure needs. */
export function styleSheet(content: string): string {
  const rules = (theme: Theme) => {
    const roles = ['ink', 'faint', 'client', 'server', 'app', 'kernel', 'alarm'] as const;
    const used = (name: string) => new RegExp(`class="[^"]*\\b${name}\\b`).test(content);
    return [
      `.panel{fill:${theme.panel};stroke:${theme.border}}`,
      ...roles.filter((role) => used(`i-${role}`)).map((role) => `.i-${role}{fill:${theme[role]}}`),
      ...roles
        .filter((role) => used(`s-${role}`))
        .map((role) => `.s-${role}{stroke:${theme[role]}}`),
      ...Object.entries(theme.tint)
        .filter(([tint]) => used(`f-${tint}`))
        .map(([tint, color]) => `.f-${tint}{fill:${color}}`),
    ].join('\n');
  };
  return [
    `\ntext{font-family:${FONTS.sans}}`,
    `.mono{font-family:${FONTS.mono}}`,
    '.bold{font-weight:700}',
    'rect,circle{stroke-width:1.5}',
    '.f-none{fill:none}',
    '.dashed{stroke-dasharray:6 5}',
    rules(PALETTE.light),
    `@media (prefers-color-scheme:dark){\n${rules(PALETTE.dark)}\n}\n`,
  ].join('\n');
}

/** Chars of a sans-serif font by their width in em. As wide as DejaVu Sans and Verdana; most fonts are narrower. */
const ADVANCES: readonly (readonly [em: number, chars: string])[] = [
  [0.3, "ijlIJ'"],
  [0.34, ' .,:;/|'],
  [0.42, 'ftr()[]-'],
  [0.56, 'csz*_FL…'],
  [0.7, 'ABCEKPRSTVXYZ'],
  [0.79, 'DGHNOQU'],
  [0.84, 'w+=<>→←↑↓×'],
  [1, 'mMW'],
];
const OTHERS = 0.64;
/** Of a monospaced font: the common ones have 0.55 to 0.602, and `textLength` makes them equal. */
const MONO_ADVANCE = 0.6;

/** How wide a text is, at most. */
export function widthOf(content: string, style: TextStyle = {}): number {
  const { mono = false, bold = false, size = mono ? SIZE.mono : SIZE.text } = style;
  if (mono) return columnsOf(content) * MONO_ADVANCE * size;
  const em = (char: string) => ADVANCES.find(([, chars]) => chars.includes(char))?.[0] ?? OTHERS;
  return [...content].reduce((sum, char) => sum + em(char), 0) * size * (bold ? 1.12 : 1);
}

/** Columns of a terminal: an emoji takes two. */
function columnsOf(content: string): number {
  return [...content].reduce((sum, char) => sum + ((char.codePointAt(0) ?? 0) > 0xffff ? 2 : 1), 0);
}
