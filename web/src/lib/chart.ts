// What the larger charts need around uPlot: ticks, columns with gaps, colours of the theme.
import type { Evidence } from './api';
import { clock, hourMinute } from './format';
import { gaps, type Samples, type Zone } from './zones';
import { rank } from './state';

export interface Mark { at: number; value: number; priority: 'critical' | 'high' | 'medium' | 'low'; label: string }

const SECOND = 1000, MINUTE = 60 * SECOND;
const STEPS = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400].map((s) => s * SECOND);

/** Round times between `from` and `to`, at most `most` of them. */
export function ticks(from: number, to: number, zone: string, most: number): { at: number; text: string }[] {
  const step = STEPS.find((s) => (to - from) / s <= most) ?? STEPS.at(-1)!;
  const list = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
    list.push({ at, text: step < MINUTE ? clock(at, zone) : hourMinute(at, zone) });
  }
  return list;
}

/** Columns for uPlot: seconds, last, min, max; a null breaks the line at each gap. */
export function columns(samples: Samples, holes: [number, number][]): (number | null)[][] {
  const x: number[] = [], last: (number | null)[] = [], min: (number | null)[] = [], max: (number | null)[] = [];
  let hole = 0;
  for (const [at, lo, hi, end] of samples) {
    while (hole < holes.length && at >= holes[hole]![1]) {
      x.push(holes[hole]![0] / 1000);
      last.push(null); min.push(null); max.push(null);
      hole += 1;
    }
    x.push(at / 1000);
    last.push(end); min.push(lo); max.push(hi);
  }
  return [x, last, min, max];
}

/** Evidence readings as samples; unusable readings make gaps, however short. */
export function evidence(readings: Evidence['series'][number]['samples'], until: number) {
  const samples: [number, number, number, number][] = [];
  const holes: [number, number][] = [];
  let lostAt: number | null = null;
  let bad = 0;
  for (const [at, value] of readings) {
    if (value === null) {
      lostAt ??= at;
      bad += 1;
      continue;
    }
    if (lostAt !== null && samples.length > 0) holes.push([lostAt, at]);
    lostAt = null;
    samples.push([at, value, value, value]);
  }
  const apart = samples.slice(1).map((s, i) => s[0] - samples[i]![0]).sort((a, b) => a - b);
  const step = apart[apart.length >> 1] ?? SECOND;
  for (const gap of gaps(samples, step, until)) {
    if (!holes.some((h) => h[1] === gap[1])) holes.push(gap);
  }
  if (lostAt !== null && samples.length > 0 && !holes.some((h) => h[1] === until)) holes.push([lostAt, until]);
  holes.sort((a, b) => a[0] - b[0]);
  return { samples, holes, step, bad };
}

/** One row a minute: time, min, max, last. */
export function perMinute(samples: Samples): [number, number, number, number][] {
  const rows: [number, number, number, number][] = [];
  for (const [at, min, max, last] of samples) {
    const minute = Math.floor(at / MINUTE) * MINUTE;
    const row = rows.at(-1);
    if (row?.[0] === minute) rows[rows.length - 1] = [minute, Math.min(row[1], min), Math.max(row[2], max), last];
    else rows.push([minute, min, max, last]);
  }
  return rows;
}

export interface Colours { pen: string; soft: string; lim: string; hatch: string; panel: string; sub: string; grid: string; band: (z: Zone) => string; line: (z: Zone) => string }

/** Colours of the present theme, read from the style sheet. */
export function colours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const fills: Record<string, string> = { n: of('zone'), h: of('trk'), l: of('trk'), hh: of('trk-2'), ll: of('trk-2') };
  return {
    pen: of('pen'), soft: of('pen-2'), lim: of('lim'), hatch: of('ink-3'), panel: of('panel'), sub: of('sub'), grid: of('line-2'),
    band: (z) => (z.hit && z.priority ? of(`p${rank(z.priority)}-bg`) : fills[z.kind] ?? of('zone')),
    line: (z) => (z.priority ? of(`p${rank(z.priority)}-t`) : of('pen')),
  };
}
