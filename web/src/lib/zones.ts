// Limit bands of a point and the geometry that sparkline, indicator and chart share.
import type { Limit, LimitKind, Point, Priority, TrendBucket } from './api';
import { isActive, rank } from './state';

export type Samples = readonly TrendBucket[];
/** A band of values: `n` between the limits, else the limit it lies beyond. */
export interface Zone { kind: LimitKind | 'n'; lo: number; hi: number; priority: Priority | null; hit: boolean }

/** The fixed scale of a point: its range, else what its limits and readings need. */
export function scale(point: Point, samples: Samples = []): [number, number] {
  if (point.unit === 'bool') return [-0.25, 1.25];
  if (point.range) return point.range;
  const all = [...point.limits.map((l) => l.at), ...samples.flatMap((s) => [s[1], s[2]])];
  if (point.value !== null) all.push(point.value);
  const lo = Math.min(...all, Infinity), hi = Math.max(...all, -Infinity);
  if (!(hi >= lo)) return [0, 1];
  const pad = (hi - lo) * 0.1 || Math.abs(hi) * 0.1 || 1;
  return [lo - pad, hi + pad];
}

/** Bands from the bottom up, within the scale. `known`: whether a hit band may be coloured. */
export function zones(limits: Limit[], [lo, hi]: [number, number], known = true): Zone[] {
  const of = (kind: LimitKind) => limits.find((l) => l.kind === kind);
  const clamp = (v: number) => Math.min(hi, Math.max(lo, v));
  const band = (kind: Zone['kind'], from: number, to: number, limit?: Limit): Zone =>
    ({ kind, lo: clamp(from), hi: clamp(to), priority: limit?.priority ?? null, hit: known && !!limit && isActive(limit) });
  const { ll, l, h, hh } = { ll: of('ll'), l: of('l'), h: of('h'), hh: of('hh') };
  const list: Zone[] = [];
  if (ll) list.push(band('ll', lo, ll.at, ll));
  if (l) list.push(band('l', ll?.at ?? lo, l.at, l));
  list.push(band('n', l?.at ?? ll?.at ?? lo, h?.at ?? hh?.at ?? hi));
  if (h) list.push(band('h', h.at, hh?.at ?? hi, h));
  if (hh) list.push(band('hh', hh.at, hi, hh));
  const shown = list.filter((z) => z.hi > z.lo);
  // The deepest band in breach is the one hit; those passed on the way stay grey.
  const low = shown.find((z) => z.hit && z.kind.startsWith('l'));
  const high = shown.findLast((z) => z.hit && z.kind.startsWith('h'));
  return shown.map((z) => ({ ...z, hit: z === low || z === high }));
}

export const LETTERS: Record<LimitKind, string> = { ll: 'LL', l: 'L', h: 'H', hh: 'HH', state: '=' };
export const isHigh = (kind: string) => kind.startsWith('h');

/** Priority digit of the band a value lies in, 0 for the normal one. */
export function level(value: number, bands: Zone[]): 0 | 1 | 2 | 3 | 4 {
  for (const z of bands) {
    if (!z.priority) continue;
    if (z.kind.startsWith('l') ? value <= z.hi : value >= z.lo && (value <= z.hi || z === bands.at(-1))) return rank(z.priority);
  }
  return 0;
}

/** Spans without readings, never bridged by a line. The lead before the first reading is not among them. */
export function gaps(samples: Samples, step: number, to: number): [number, number][] {
  if (samples.length === 0) return [];
  const apart = samples.slice(1).map((s, i) => s[0] - samples[i]![0]).sort((a, b) => a - b);
  const usual = apart.length > 4 ? apart[apart.length >> 1]! : step;
  const longest = 3 * Math.max(step, usual);
  const found: [number, number][] = [];
  let last = samples[0]![0];
  for (const [at] of samples) {
    if (at - last > longest) found.push([last + step, at]);
    last = at;
  }
  if (to - last > longest) found.push([last + step, to]);
  return found;
}

export interface Segment { level: 0 | 1 | 2 | 3 | 4; points: [at: number, value: number][] }

/** The line cut where it crosses a limit (each piece in the colour of its band) and at gaps. */
export function segments(samples: Samples, bands: Zone[], holes: [number, number][]): Segment[] {
  const limits = bands.slice(1).map((z) => z.lo);
  const list: Segment[] = [];
  let piece: Segment | null = null;
  let previous: [number, number] | null = null;
  const add = (at: number, value: number) => {
    if (previous && piece) {
      const [t0, v0] = previous;
      const crossed = limits.filter((l) => (v0 < l && l < value) || (value < l && l < v0));
      if (value < v0) crossed.reverse();
      for (const limit of crossed) {
        const t = t0 + ((at - t0) * (limit - v0)) / (value - v0);
        piece.points.push([t, limit]);
        piece = { level: level(limit + Math.sign(value - v0) * 1e-9, bands), points: [[t, limit]] };
        list.push(piece);
      }
      piece.level = level((piece.points.at(-1)![1] + value) / 2, bands);
    } else {
      piece = { level: level(value, bands), points: [] };
      list.push(piece);
    }
    piece.points.push([at, value]);
    previous = [at, value];
  };
  let hole = 0;
  for (const [at, min, max, last] of samples) {
    if (hole < holes.length && at >= holes[hole]![1]) {
      hole += 1;
      previous = null;
    }
    // A spike inside a bucket that the last reading does not show.
    const here = level(last, bands);
    for (const peak of [min, max]) if (level(peak, bands) !== here) add(at, peak);
    add(at, last);
  }
  return list;
}

/** Moves labels apart so that none is nearer than `gap` to the next; keeps them within `[lo, hi]`. */
export function spread(positions: number[], gap: number, lo: number, hi: number): number[] {
  const order = positions.map((y, i) => ({ y, i })).sort((a, b) => a.y - b.y);
  let floor = lo;
  for (const label of order) {
    label.y = Math.max(label.y, floor);
    floor = label.y + gap;
  }
  let ceiling = hi;
  for (const label of [...order].reverse()) {
    label.y = Math.min(label.y, ceiling);
    ceiling = label.y - gap;
  }
  const moved: number[] = [];
  for (const { y, i } of order) moved[i] = y;
  return moved;
}
