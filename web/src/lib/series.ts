// Which curve of a point is in which unit. A point whose unit was changed has a curve for each: they share no axis, and
// what holds for the point of now (limits, range, words) does not hold for a curve of before.
import type { Evidence, Hazard, Point, ReadingChange, Trend, TrendBucket } from './api';

/** A curve in a unit or type that the point had before. */
export interface Older { unit: string; samples: readonly TrendBucket[] }

/** The curves of a trend: those that go on now, by point, and those of before. */
export function parted(series: Trend['series'], points: Pick<Point, 'id' | 'unit'>[]) {
  const now = new Map<string, TrendBucket[]>(), older = new Map<string, Older[]>();
  for (const { point: id, unit, current, samples } of series) {
    const point = points.find((p) => p.id === id);
    if (!point) continue;
    const same = current !== false && (unit === undefined || unit === point.unit);
    if (same && !now.has(id)) now.set(id, samples);
    else older.set(id, [...older.get(id) ?? [], { unit: unit ?? point.unit, samples }]);
  }
  return { now, older };
}

/** Until when the point was kept in the unit of `one`: as the audit trail tells it, else the end of its curve. */
export function until(one: Older, changes: readonly ReadingChange[], step: number): number {
  const end = one.samples.at(-1)?.[0] ?? 0;
  const told = changes.filter((c) => c.kind === 'unit' && c.was === one.unit).map((c) => Date.parse(c.at));
  return told.find((at) => at >= end) ?? end + step;
}

/** Decimals that show four digits of the greatest of these. */
function decimals(values: readonly number[]): number {
  const top = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return top === 0 ? 0 : Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(top))));
}

/** The point as it was in another unit: nothing of its present limits, range and words holds for these values. */
export function inUnit(point: Point, unit: string, values: readonly number[]): Point {
  const { meanings: _, ...rest } = point;
  return { ...rest, unit, decimals: unit === 'bool' ? 0 : decimals(values), value: null, range: null, limits: [], label: null, text: null };
}

/** The series of its point that a hazard was judged by: in the unit it was recorded with, where the evidence has that. */
export function evidenceOf(series: Evidence['series'], hazard: Pick<Hazard, 'point' | 'unit' | 'found_at'>) {
  const mine = series.filter((s) => s.point === hazard.point && s.samples.length > 0);
  const found = Date.parse(hazard.found_at);
  const before = (s: Evidence['series'][number]) => s.samples.findLast((x) => x[0] <= found)?.[0] ?? -Infinity;
  // Of one unit there may be two, of other types: the one that was read when the hazard was found.
  const latest = (list: typeof mine) => [...list].sort((a, b) => before(b) - before(a))[0];
  return latest(mine.filter((s) => s.unit === hazard.unit)) ?? latest(mine.filter((s) => s.unit === undefined)) ?? latest(mine);
}

/** What a hazard's chart draws its point as: the unit of the evidence, and the setpoint of that day if it is in that unit. */
export function pointOf(now: Point, hazard: Hazard, unit: string | undefined, kind: string, values: readonly number[]): Point {
  const shown = unit ?? hazard.unit ?? now.unit;
  const told = shown === hazard.unit ? [hazard.value, hazard.setpoint].filter((v) => v !== null) : [];
  const point = shown === now.unit ? now : inUnit(now, shown, [...values, ...told]);
  const { setpoint } = hazard;
  if (setpoint === null) return point;
  const limits = point.limits.filter((l) => l.kind !== kind).map((l) => ({ ...l, state: 'normal' as const }));
  if (shown !== hazard.unit || !(kind === 'll' || kind === 'l' || kind === 'h' || kind === 'hh' || kind === 'state')) return { ...point, limits };
  const priority = now.limits.find((l) => l.kind === kind)?.priority ?? 'critical';
  return { ...point, limits: [...limits, { kind, at: setpoint, priority, state: 'acknowledged' }] };
}
