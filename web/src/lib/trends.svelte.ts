// The recent past of every point: fetched in buckets, continued with live values. The window is the last
// hour; right after a start it is shorter, so that the curves are not a sliver at the edge.
import { get, type Equipment, type ReadingChange, type Trend, type TrendBucket } from './api';
import { ms } from './format';
import { parted, type Older } from './series';
import type { ValueRow } from './state';

const WINDOWS = [5, 15, 60] as const;
const STEP = 15_000;
/** What could not be fetched is asked for again after so long. */
const AGAIN = 15_000;

/** The narrowest window, in minutes, that shows a recording of this length. */
export function windowFor(recorded: number): number {
  return WINDOWS.find((minutes) => recorded <= minutes * 60_000) ?? 60;
}

class Trends {
  /** Grows with every change; whoever draws reads it first. */
  version = $state(0);
  /** Width of the window. */
  minutes = $state(60);
  step = STEP;
  /** Whether the audit trail told how points were read before. */
  told = $state(true);
  #series = new Map<string, TrendBucket[]>();
  #older = new Map<string, Older[]>();
  #changes = new Map<string, ReadingChange[]>();
  /** In which unit each series is. */
  #units = new Map<string, string>();
  #equipment: Equipment[] = [];
  #loading = false;
  #again: ReturnType<typeof setTimeout> | undefined;

  of(equipment: string, point: string): readonly TrendBucket[] {
    void this.version;
    return this.#series.get(`${equipment}/${point}`) ?? [];
  }

  /** Curves in units and types that the point had before. */
  older(equipment: string, point: string): readonly Older[] {
    void this.version;
    return this.#older.get(`${equipment}/${point}`) ?? [];
  }

  /** How the point was read before, oldest first. */
  changes(equipment: string, point: string): readonly ReadingChange[] {
    void this.version;
    return this.#changes.get(`${equipment}/${point}`) ?? [];
  }

  async load(equipment: Equipment[], signal?: AbortSignal): Promise<void> {
    this.#equipment = equipment;
    // What goes on in another unit begins anew, before the next value comes.
    for (const { id, points } of equipment) {
      for (const p of points) {
        const key = `${id}/${p.id}`;
        if (this.#units.get(key) !== p.unit) this.#series.delete(key);
        this.#units.set(key, p.unit);
      }
    }
    this.#loading = true;
    clearTimeout(this.#again);
    let found = await fetchAll(equipment, 60, signal);
    const first = Math.min(...[...found.series.values(), ...[...found.older.values()].flat().map((o) => o.samples)].map((s) => s[0]?.[0] ?? Infinity));
    let minutes = Number.isFinite(first) ? windowFor(Date.now() - first + this.step) : WINDOWS[0];
    // Of nothing that came nothing is concluded.
    if (found.missed.length === equipment.length && equipment.length > 0) {
      minutes = this.minutes;
      found.step = this.step;
    } else if (minutes !== 60) {
      const near = await fetchAll(equipment, minutes, signal);
      if (near.missed.length <= found.missed.length) found = near;
      else minutes = 60;
    }
    for (const [key, samples] of found.series) {
      const since = (samples.at(-1)?.[0] ?? 0) + found.step;
      const newer = (this.#series.get(key) ?? []).filter((s) => s[0] >= since);
      found.series.set(key, [...samples, ...newer]);
    }
    // What came live and is not stored yet.
    for (const [key, samples] of this.#series) if (!found.series.has(key)) found.series.set(key, samples);
    // Fetched for settings that are no longer those of the page.
    if (this.#equipment !== equipment) return;
    if (signal?.aborted) {
      this.#loading = false;
      return;
    }
    // What was known is still so.
    for (const id of found.missed) {
      keep(this.#older, found.older, id);
      keep(this.#changes, found.changes, id);
    }
    if (!found.told) this.#again = setTimeout(() => void this.load(equipment, signal).catch(() => { this.#loading = false; }), AGAIN);
    this.#series = found.series;
    this.#older = found.older;
    this.#changes = found.changes;
    this.told = found.told;
    this.step = found.step;
    this.minutes = minutes;
    this.#loading = false;
    this.version += 1;
  }

  add(rows: ValueRow[]): void {
    let outgrown = false;
    for (const [equipment, point, value, quality, , at] of rows) {
      if (value === null || at === null || quality === 'bad' || quality === 'stale') continue;
      const key = `${equipment}/${point}`;
      const list = this.#series.get(key) ?? [];
      this.#series.set(key, list);
      put(list, ms(at), value, this.step);
      const limit = ms(at) - this.minutes * 60_000 - this.step;
      while (list[0] && list[0][0] < limit) {
        list.shift();
        outgrown = this.minutes !== 60;
      }
    }
    this.version += 1;
    // Without history the curves go on with the live values.
    if (outgrown && !this.#loading && this.told) void this.load(this.#equipment).catch(() => { this.#loading = false; });
  }
}

function keep<T>(from: Map<string, T>, to: Map<string, T>, equipment: string): void {
  for (const [key, one] of from) if (key.startsWith(`${equipment}/`)) to.set(key, one);
}

async function fetchAll(equipment: Equipment[], minutes: number, signal?: AbortSignal) {
  const series = new Map<string, TrendBucket[]>(), older = new Map<string, Older[]>(), changes = new Map<string, ReadingChange[]>();
  const missed: string[] = [];
  let step = STEP, told = true;
  await Promise.all(equipment.map(async ({ id, points }) => {
    const trend = await get<Trend>(`equipment/${encodeURIComponent(id)}/trend?minutes=${minutes}`, signal).catch(() => null);
    if (!trend) {
      told = false;
      missed.push(id);
      return;
    }
    step = trend.step_ms || STEP;
    const curves = parted(trend.series, points);
    for (const [point, samples] of curves.now) series.set(`${id}/${point}`, samples);
    for (const [point, list] of curves.older) older.set(`${id}/${point}`, list);
    if (trend.changes === null) told = false;
    for (const c of trend.changes ?? []) changes.set(`${id}/${c.point}`, [...changes.get(`${id}/${c.point}`) ?? [], c]);
  }));
  return { series, older, changes, told, missed, step };
}

/** Adds a reading to the bucket it falls into. Older ones than the last bucket are dropped. */
export function put(list: TrendBucket[], at: number, value: number, step: number): void {
  const last = list.at(-1);
  if (last && at < last[0]) return;
  if (last && at < last[0] + step) {
    list[list.length - 1] = [last[0], Math.min(last[1], value), Math.max(last[2], value), value];
  } else {
    const start = last ? last[0] + Math.floor((at - last[0]) / step) * step : Math.floor(at / step) * step;
    list.push([start, value, value, value]);
  }
}

export const trends = new Trends();
