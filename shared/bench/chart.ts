/**
 * What was measured, as a picture: a bar for each server, and a panel for each comparison. In go rounds; out come two
 * files of SVG, for pages that are light and pages that are dark. No figure in them is from anywhere else.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import * as echarts from 'echarts';
import { hasProc } from '../harness/proc.ts';
import type { Panel } from './load.ts';
import { median, ratios, show } from './table.ts';

/** Blue and grey are told apart by everybody; ours has bold letters besides. */
const THEMES = {
  light: { text: '#1f2328', faint: '#59636e', ours: '#0072b2', others: '#8c959f' },
  dark: { text: '#f0f6fc', faint: '#9198a1', ours: '#56b4e9', others: '#6e7681' },
};
type Theme = (typeof THEMES)[keyof typeof THEMES];

/** Pixels; a phone shows 640 of them at a little more than half their size. */
const SIZE = { width: 640, names: 170, head: 86, title: 44, bar: 34, foot: 64 };
const FONT = { family: 'system-ui, sans-serif', title: 24, panel: 19, label: 18, small: 15 };

/** By processor time where it is known, as that is steadier than the clock. */
const FIGURE = hasProc ? 'perCpuSecond' : 'perSecond';
const UNIT = hasProc ? 'requests per CPU second' : 'requests per second';
const TITLE = hasProc ? 'Answers for the same processor time' : 'Answers in the same time';

interface Bar {
  readonly name: string;
  /** Theirs in units of ours. */
  readonly times: number;
  readonly isOurs: boolean;
}

/** Writes bench-light.svg and bench-dark.svg, and returns where they are; `machine` is for the small print. */
export function writeChart(folder: string, panels: readonly Panel[], machine: string): string[] {
  return Object.entries(THEMES).map(([name, theme]) => {
    const file = path.join(folder, `bench-${name}.svg`);
    writeFileSync(file, draw(panels, machine, theme));
    return file;
  });
}

function draw(panels: readonly Panel[], machine: string, theme: Theme): string {
  const bars = panels.map(toBars);
  const tops = bars.map((_, i) =>
    bars.slice(0, i).reduce((y, above) => y + heightOf(above), SIZE.head),
  );
  const height = bars.reduce((sum, of) => sum + heightOf(of), SIZE.head + SIZE.foot);
  const longest = Math.max(
    ...bars
      .flat()
      .map(({ times }) => times)
      .filter(Number.isFinite),
    1,
  );
  const size = { width: SIZE.width, height };
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...size });
  chart.setOption({
    animation: false,
    backgroundColor: 'transparent',
    textStyle: { fontFamily: FONT.family, fontSize: FONT.label, color: theme.text },
    title: [
      ...titles(theme, machine, panels, height),
      ...panels.map(({ title }, i) => ({
        text: title,
        left: 0,
        top: tops[i],
        textStyle: { fontSize: FONT.panel, color: theme.text },
      })),
    ],
    grid: bars.map((of, i) => ({
      left: SIZE.names,
      right: 70, // for the figure behind the longest bar
      top: (tops[i] ?? 0) + SIZE.title - 10,
      height: of.length * SIZE.bar,
    })),
    xAxis: bars.map((_, i) => ({ type: 'value', gridIndex: i, max: longest, show: false })),
    yAxis: bars.map((of, i) => names(of, i, theme)),
    series: bars.map((of, i) => series(of, i, theme)),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return describe(svg, panels, bars);
}

function heightOf(bars: readonly Bar[]): number {
  return SIZE.title + bars.length * SIZE.bar;
}

/** Best first. */
function toBars({ ours, rounds }: Panel): Bar[] {
  const figures = (name: string) => rounds.get(name)?.map((round) => round[FIGURE]) ?? [];
  return [...rounds.keys()]
    .map((name) => {
      const isOurs = name === ours;
      return { name, isOurs, times: isOurs ? 1 : median(ratios(figures(name), figures(ours))) };
    })
    .sort((a, b) => (b.times || 0) - (a.times || 0));
}

function titles(theme: Theme, machine: string, panels: readonly Panel[], height: number): object[] {
  const counts = panels.map(({ ours, rounds }) => rounds.get(ours)?.length);
  const small = { fontSize: FONT.small, fontWeight: 'normal', color: theme.faint };
  const wrapped = { ...small, width: SIZE.width - 10, overflow: 'break', lineHeight: 20 };
  return [
    {
      text: TITLE,
      subtext: `${UNIT}, our gateway = 1; longer is better`,
      left: 0,
      top: 0,
      textStyle: { fontSize: FONT.title, color: theme.text },
      subtextStyle: { fontSize: FONT.label, color: theme.faint },
    },
    {
      text: `Medians; rounds: ${counts.join(', ')}. ${machine}`,
      left: 0,
      top: height - SIZE.foot + 8,
      textStyle: wrapped,
    },
  ];
}

function names(bars: readonly Bar[], gridIndex: number, theme: Theme): object {
  const ours = bars.find(({ isOurs }) => isOurs)?.name;
  return {
    type: 'category',
    gridIndex,
    inverse: true,
    data: bars.map(({ name }) => name),
    axisLine: { lineStyle: { color: theme.faint } },
    axisTick: { show: false },
    axisLabel: {
      fontSize: FONT.label,
      color: theme.text,
      formatter: (name: string) => (name === ours ? `{ours|${name}}` : name),
      rich: { ours: { fontSize: FONT.label, fontWeight: 'bold', color: theme.text } },
    },
  };
}

function series(bars: readonly Bar[], index: number, theme: Theme): object {
  return {
    type: 'bar',
    silent: true,
    xAxisIndex: index,
    yAxisIndex: index,
    barWidth: '68%',
    data: bars.map(({ times, isOurs }) => ({
      value: times,
      itemStyle: { color: isOurs ? theme.ours : theme.others },
      label: { formatter: label(times, isOurs), fontWeight: isOurs ? 'bold' : 'normal' },
    })),
    label: { show: true, position: 'right', fontSize: FONT.label, color: theme.text },
  };
}

function label(times: number, isOurs: boolean): string {
  return isOurs ? '1' : show(times, 2);
}

/** For those who cannot see it: all that it shows, in words. */
function describe(svg: string, panels: readonly Panel[], bars: readonly (readonly Bar[])[]) {
  const sentences = panels.map(({ title }, i) => {
    const all = bars[i]?.map(({ name, times, isOurs }) => `${name} ${label(times, isOurs)}`) ?? [];
    return `${title}: ${all.join(', ')}.`;
  });
  const toXml = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  const desc = toXml([`${UNIT}, our gateway = 1.`, ...sentences].join(' '));
  const words = `<title id="title">${toXml(TITLE)}</title>\n<desc id="desc">${desc}</desc>`;
  return svg.replace(
    /^<svg([^>]*)>/,
    `<svg$1 role="img" aria-labelledby="title desc">\n${words.replace(/\$/g, '$$$$')}`,
  );
}
