// The last hour of every point: fetched in buckets, continued with live values.
import { get, type Equipment, type Trend, type TrendBucket } from './api';
import { ms } from './format';
import type { ValueRow } from './state';

const MINUTES = 60;
const STEP = 15_000;

class Trends {
  /** Grows with every change; whoever draws reads it first. */
  version = $state(0);
  step = STEP;
  readonly #series = new Map<string, TrendBucket[]>();

  of(equipment: string, point: string): readonly TrendBucket[] {
    void this.version;
    return this.#series.get(`${equipment}/${point}`) ?? [];
  }

  async load(equipment: Equipment[], signal: AbortSignal): Promise<void> {
    await Promise.all(equipment.map(async ({ id }) => {
      // Without history the curves begin with the live values.
      const trend = await get<Trend>(`equipment/${encodeURIComponent(id)}/trend?minutes=${MINUTES}`, signal)
        .catch(() => null);
      if (!trend) return;
      this.step = trend.step_ms || STEP;
      for (const { point, samples } of trend.series) {
        const key = `${id}/${point}`;
        const since = (samples.at(-1)?.[0] ?? 0) + this.step;
        const newer = (this.#series.get(key) ?? []).filter((s) => s[0] >= since);
        this.#series.set(key, [...samples, ...newer]);
      }
    }));
    this.version += 1;
  }

  add(rows: ValueRow[]): void {
    for (const [equipment, point, value, quality, , at] of rows) {
      if (value === null || at === null || quality === 'bad' || quality === 'stale') continue;
      const key = `${equipment}/${point}`;
      const list = this.#series.get(key) ?? [];
      this.#series.set(key, list);
      put(list, ms(at), value, this.step);
      while (list[0] && list[0][0] < ms(at) - MINUTES * 60_000 - this.step) list.shift();
    }
    this.version += 1;
  }
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
