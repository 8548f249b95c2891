// Bands, gaps and curve pieces that sparklines and charts draw.
import { describe, expect, it } from 'vitest';
import type { Limit } from './api';
import { columns, evidence, perMinute, ticks } from './chart';
import { gaps, level, segments, spread, zones, type Samples } from './zones';

const limits: Limit[] = [
  { kind: 'll', at: -75, priority: 'critical', state: 'unacknowledged' }, { kind: 'l', at: -50, priority: 'high', state: 'acknowledged' },
  { kind: 'h', at: 50, priority: 'high', state: 'normal' }, { kind: 'hh', at: 75, priority: 'critical', state: 'normal' },
];
const bands = zones(limits, [-150, 150]);
const at = (list: [number, number][]): Samples => list.map(([t, v]) => [t, v, v, v]);

describe('zones', () => {
  it('cover the scale from the bottom up', () => {
    expect(bands.map((z) => [z.kind, z.lo, z.hi])).toEqual([['ll', -150, -75], ['l', -75, -50], ['n', -50, 50], ['h', 50, 75], ['hh', 75, 150]]);
  });
  it('colour only the deepest band in breach, and none of an unknown value', () => {
    expect(bands.filter((z) => z.hit).map((z) => z.kind)).toEqual(['ll']);
    expect(zones(limits, [-150, 150], false).some((z) => z.hit)).toBe(false);
  });
  it('know the level of a value', () => {
    expect([-81, -75, -60, 0, 50, 80, 999].map((v) => level(v, bands))).toEqual([1, 1, 2, 0, 2, 1, 1]);
  });
});

describe('gaps', () => {
  it('are where buckets are missing, up to now', () => {
    expect(gaps(at([[0, 1], [10, 1], [20, 1], [100, 1]]), 10, 200)).toEqual([[30, 100], [110, 200]]);
    expect(gaps(at([[0, 1], [10, 1]]), 10, 20)).toEqual([]);
    expect(gaps([], 10, 20)).toEqual([]);
  });
  it('allow for a point that is read seldom', () => {
    expect(gaps(at([0, 60, 120, 180, 240, 300].map((t) => [t, 1])), 10, 310)).toEqual([]);
  });
  it('break the line', () => {
    const samples = at([[0, 1], [10, 2], [100, 3]]);
    const holes = gaps(samples, 10, 100);
    expect(segments(samples, bands, holes).map((s) => s.points)).toEqual([[[0, 1], [10, 2]], [[100, 3]]]);
    expect(columns(samples, holes)[1]).toEqual([1, 2, null, 3]);
  });
});

describe('segments', () => {
  it('change colour at the crossing', () => {
    const list = segments(at([[0, -40], [10, -60]]), bands, []);
    expect(list.map((s) => s.level)).toEqual([0, 2]);
    expect(list[0]!.points.at(-1)).toEqual([5, -50]);
    expect(list[1]!.points[0]).toEqual([5, -50]);
  });
  it('show a spike that ended within its bucket', () => {
    expect(segments([[0, -80, 0, 0]], bands, []).some((s) => s.level === 1)).toBe(true);
  });
});

describe('charts', () => {
  it('spread labels apart within the frame', () => {
    const moved = spread([0, 2, 100], 13, 6, 94);
    expect(moved[0]).toBeGreaterThanOrEqual(6);
    expect(moved[1]! - moved[0]!).toBeGreaterThanOrEqual(13);
    expect(moved[2]).toBe(94);
  });
  it('have round times', () => {
    const hour = 3_600_000;
    expect(ticks(0, hour, 'UTC', 7).map((x) => x.text)).toEqual(['00:00', '00:10', '00:20', '00:30', '00:40', '00:50', '01:00']);
  });
  it('never bridge an unusable reading of the evidence', () => {
    const e = evidence([[0, 1], [1000, 2], [2000, null], [3000, 3], [4000, 3]], 4000);
    expect(e.bad).toBe(1);
    expect(e.holes).toEqual([[2000, 3000]]);
    expect(columns(e.samples, e.holes)[1]).toEqual([1, 2, null, 3, 3]);
  });
  it('have a table with a row a minute', () => {
    expect(perMinute(at([[0, 1], [30_000, 3], [59_000, 2], [60_000, 5]]))).toEqual([[0, 1, 3, 2], [60_000, 5, 5, 5]]);
  });
});
