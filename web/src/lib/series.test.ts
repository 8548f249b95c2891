// Curves of a point whose unit was changed, and the one that a hazard was judged by.
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Equipment, Hazard, Overview, Point, Trend } from './api';
import { evidenceOf, inUnit, parted, pointOf, until } from './series';
import { outdated } from './state';
import { trends } from './trends.svelte';
import { valueIn } from './words';

const point = (unit: string, at: number): Point => ({
  id: 'p', name: { zh: '压力', en: 'Pressure' }, unit, decimals: 1, value: 10, quality: 'good', cause: null, at: null, age_ms: 0, range: [0, 20],
  limits: [{ kind: 'h', at: 12, priority: 'high', state: 'normal' }, { kind: 'hh', at, priority: 'critical', state: 'normal' }], label: null, text: null,
});
const bar = point('bar', 15);
const bucket = (at: number, v: number): [number, number, number, number] => [at, v, v, v];
const hazard = (unit: string, found: string, value: number, setpoint: number | null) =>
  ({ point: 'p', unit, found_at: found, value, setpoint, rule: 'v/p.hh' }) as unknown as Hazard;
const early = '1970-01-01T00:00:05Z', late = '1970-01-01T00:00:25Z';
const evidence: { point: string; unit?: string; samples: [number, number | null][] }[] = [
  { point: 'p', unit: 'MPa', samples: [[1000, 1], [5000, 1.6]] },
  { point: 'p', unit: 'bar', samples: [[20_000, 10], [25_000, 16]] },
];

describe('a trend', () => {
  it('has the curve in the unit of now, whatever stands first, and those of before apart', () => {
    const { now, older } = parted([
      { point: 'p', unit: 'MPa', current: false, samples: [bucket(1, 1)] }, { point: 'p', unit: 'bar', current: true, samples: [bucket(2, 10)] },
    ], [bar]);
    expect(now.get('p')).toEqual([bucket(2, 10)]);
    expect(older.get('p')).toEqual([{ unit: 'MPa', samples: [bucket(1, 1)] }]);
  });
  it('has none in the unit of now where only older readings are stored', () => {
    const { now, older } = parted([{ point: 'p', unit: 'MPa', current: true, samples: [bucket(1, 1)] }], [bar]);
    expect(now.size).toBe(0);
    expect(older.get('p')).toHaveLength(1);
  });
  it('has a curve of the same unit and another type apart', () => {
    const { now, older } = parted([
      { point: 'p', unit: 'bar', current: true, samples: [bucket(2, 10)] }, { point: 'p', unit: 'bar', current: false, samples: [bucket(1, 10)] },
    ], [bar]);
    expect([now.get('p'), older.get('p')?.[0]?.unit]).toEqual([[bucket(2, 10)], 'bar']);
  });
  it('says until when a unit was, by the trail or else by the end of the curve', () => {
    const one = { unit: 'MPa', samples: [bucket(1000, 1), bucket(4000, 1)] };
    expect(until(one, [{ at: early, kind: 'unit', point: 'p', was: 'MPa', now: 'bar' }], 2500)).toBe(5000);
    expect(until(one, [{ at: early, kind: 'read-otherwise', point: 'p', was: 'MPa', now: 'bar' }], 2500)).toBe(6500);
    expect(until(one, [], 2500)).toBe(6500);
  });
});

describe('a value of before', () => {
  it('is in the unit of then, without ranges, limits and words of now', () => {
    const was = inUnit(bar, 'MPa', [0.8, 1.6]);
    expect([was.unit, was.range, was.limits, was.value, was.decimals]).toEqual(['MPa', null, [], null, 3]);
    expect(valueIn(bar, 'MPa', 1.6)).toBe('1.600 MPa');
    expect(valueIn(bar, 'bar', 16)).toBe('16.0 bar');
    expect(valueIn(bar, null, 16)).toBe('16.00');
  });
});

describe('the chart of a hazard', () => {
  const old = hazard('MPa', early, 1.6, 1.5), fresh = hazard('bar', late, 16, 15);
  it('takes the curve in the unit that the hazard was recorded with', () => {
    expect(evidenceOf(evidence, old)).toBe(evidence[0]);
    expect(evidenceOf(evidence, fresh)).toBe(evidence[1]);
  });
  it('takes, of two types in one unit, the curve that was read when it was found', () => {
    const whole = { point: 'p', unit: 'bar', samples: [[1000, 10]] as [number, number][] };
    expect(evidenceOf([whole, evidence[1]!], fresh)).toBe(evidence[1]);
    expect(evidenceOf([whole, evidence[1]!], { ...fresh, found_at: early })).toBe(whole);
  });
  it('takes the only one of a store that kept no units, and the one of the time where none fits', () => {
    const kept = [{ point: 'p', samples: [[1, 1]] as [number, number][] }];
    expect(evidenceOf(kept, old)).toBe(kept[0]);
    expect(evidenceOf(evidence, hazard('kPa', late, 1, null))).toBe(evidence[1]);
    expect(evidenceOf([], old)).toBeUndefined();
  });
  it('draws the setpoint of then in the unit of then', () => {
    const drawn = pointOf(bar, old, 'MPa', 'hh', [1, 1.6]);
    expect(drawn.unit).toBe('MPa');
    expect(drawn.limits).toEqual([{ kind: 'hh', at: 1.5, priority: 'critical', state: 'acknowledged' }]);
    const same = pointOf(bar, fresh, 'bar', 'hh', [10, 16]);
    expect([same.unit, same.range, same.limits.map((l) => [l.kind, l.at])]).toEqual(['bar', [0, 20], [['h', 12], ['hh', 15]]]);
  });
  it('draws no setpoint on an axis of another unit', () => {
    const drawn = pointOf(bar, old, 'bar', 'hh', [10, 16]);
    expect(drawn.limits.some((l) => l.kind === 'hh')).toBe(false);
  });
});

describe('the page', () => {
  const overview = { settings_at: 'a' } as Overview;
  it('reads everything again when values come by other settings', () => {
    expect([outdated(overview, 'b'), outdated(overview, 'a'), outdated(overview, undefined), outdated(null, 'b')]).toEqual([true, false, false, false]);
  });

  const equipment = (p: Point) => [{ id: 'v', name: { zh: '', en: '' }, kind: 'k', model: null, registration: null, officer: null, points: [p] }] as Equipment[];
  const answer = (series: Trend['series']) => vi.stubGlobal('fetch', async () => new Response(JSON.stringify({
    from: early, to: late, step_ms: 1000, series, changes: [{ at: late, kind: 'unit', point: 'p', was: 'MPa', now: 'bar' }],
  })));
  afterEach(() => vi.unstubAllGlobals());

  it('never joins live values of a unit to those of another', async () => {
    vi.stubGlobal('sessionStorage', { getItem: () => null });
    const start = Date.now() - 10_000, live = new Date(start + 5000).toISOString();
    answer([{ point: 'p', unit: 'MPa', current: true, samples: [bucket(start, 1)] }]);
    await trends.load(equipment(point('MPa', 1.5)));
    trends.add([['v', 'p', 1.1, 'good', null, live]]);
    expect(trends.of('v', 'p').map((s) => s[3])).toEqual([1, 1.1]);
    // Nothing is stored in the new unit yet.
    answer([{ point: 'p', unit: 'MPa', current: false, samples: [bucket(start, 1)] }]);
    const loading = trends.load(equipment(bar));
    trends.add([['v', 'p', 11, 'good', null, new Date(start + 6000).toISOString()]]);
    await loading;
    expect(trends.of('v', 'p').map((s) => s[3])).toEqual([11]);
    expect(trends.older('v', 'p').map((o) => o.unit)).toEqual(['MPa']);
    expect(trends.changes('v', 'p')).toHaveLength(1);
  });

  it('keeps what it knew of a trend that cannot be fetched, says so, and asks again', async () => {
    vi.stubGlobal('sessionStorage', { getItem: () => null });
    vi.useFakeTimers();
    const series = [{ point: 'p', unit: 'MPa', current: false, samples: [bucket(Date.now() - 10_000, 1)] }];
    const known = () => [trends.told, trends.older('v', 'p').length, trends.changes('v', 'p').length];
    const page = equipment(bar);
    answer(series);
    await trends.load(page);
    expect(known()).toEqual([true, 1, 1]);
    vi.stubGlobal('fetch', async () => { throw new TypeError('the gateway is away'); });
    await trends.load(page);
    expect(known()).toEqual([false, 1, 1]);
    answer([]);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(known()).toEqual([true, 0, 1]);
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});
