// How events change what the page knows. Plain functions on plain objects, so that tests need no browser.
import type { Alarm, Equipment, Hazard, Overview, Path, Point, Priority, Quality } from './api';
import { Meanings, mayHaveWords } from './meanings';

export type ValueRow = [
  equipment: string, point: string, value: number | null, quality: Quality, cause: string | null, at: string | null,
];

export type GatewayEvent =
  | { event: 'values'; data: { at: string; settings_at?: string; points: ValueRow[] } }
  | { event: 'alarm'; data: Alarm }
  | { event: 'hazard'; data: Hazard }
  | { event: 'path'; data: Path };

export function findPoint(equipment: Equipment[], owner: string | null, point: string | null): Point | undefined {
  return equipment.find((e) => e.id === owner)?.points.find((p) => p.id === point);
}

/** Begins to learn what the values of each point mean. */
export function learn(points: Point[]): void {
  for (const point of points) {
    point.meanings ??= new Meanings();
    point.meanings.learn(point.value, point);
  }
}

/** Takes the words of freshly fetched points; a value that has moved on since keeps its own. */
export function explain(points: Point[], fetched: Point[]): void {
  for (const fresh of fetched) {
    const point = points.find((p) => p.id === fresh.id);
    if (!point) continue;
    point.meanings?.learn(fresh.value, fresh);
    if (point.value === fresh.value) Object.assign(point, { label: fresh.label, text: fresh.text });
  }
}

/** Equipment with a value whose words the page does not know. */
export function unexplained(equipment: Equipment[], rows: ValueRow[]): string[] {
  const asking = new Set<string>();
  for (const [owner, id] of rows) {
    const point = findPoint(equipment, owner, id);
    if (point?.value != null && mayHaveWords(point.unit) && point.meanings?.asks(point.value)) asking.add(owner);
  }
  return [...asking];
}

/** Whether these values belong to other settings than the page has read: their units may be others. */
export const outdated = (model: Overview | null, settings_at: string | undefined) =>
  !!model && settings_at !== undefined && model.settings_at !== settings_at;

/** Changes `model` in place. */
export function apply(model: Overview, { event, data }: GatewayEvent): void {
  switch (event) {
    case 'values':
      model.now = data.at;
      for (const [owner, id, value, quality, cause, at] of data.points) {
        const point = findPoint(model.equipment, owner, id);
        // A reading without a value leaves the last usable one standing.
        if (!point) continue;
        // The words of the value before are not those of this one.
        const words = value === null || value === point.value ? {} : point.meanings?.of(value) ?? { label: null, text: null };
        Object.assign(point, { quality, cause, ...(value === null ? {} : { value, at: at ?? point.at, ...words }) });
      }
      break;
    case 'alarm': {
      const limit = findPoint(model.equipment, data.equipment, data.point)?.limits.find((l) => l.kind === data.kind);
      if (limit) limit.state = data.state;
      put(model.alarms, data, (a) => a.rule === data.rule, data.state !== 'normal');
      break;
    }
    case 'hazard':
      put(model.hazards, data, (h) => h.id === data.id, data.status !== 'closed');
      break;
    case 'path':
      model.path = data;
  }
}

function put<T>(list: T[], item: T, same: (other: T) => boolean, keep: boolean): void {
  const at = list.findIndex(same);
  if (at < 0) {
    if (keep) list.push(item);
  } else {
    list.splice(at, 1, ...(keep ? [item] : []));
  }
}

const RANK: Record<Priority, 1 | 2 | 3 | 4> = { critical: 1, high: 2, medium: 3, low: 4 };
/** 1 (critical) to 4 (low). */
export const rank = (priority: Priority) => RANK[priority];

export const needsAck = (a: { state: string }) => a.state.endsWith('unacknowledged');
/** The limit is in breach now. */
export const isActive = (a: { state: string }) => a.state === 'unacknowledged' || a.state === 'acknowledged';

/** Most severe first; of equals the unacknowledged, the active, then the newest. */
export function bySeverity(a: Alarm, b: Alarm): number {
  return rank(a.priority) - rank(b.priority)
    || Number(needsAck(b)) - Number(needsAck(a))
    || Number(isActive(b)) - Number(isActive(a))
    || (b.raised_at ?? '').localeCompare(a.raised_at ?? '')
    || a.rule.localeCompare(b.rule);
}

/** Whether the value may be shown as the present one. */
export const usable = (p: { quality: Quality; value: number | null }) =>
  (p.quality === 'good' || p.quality === 'uncertain') && p.value !== null;

/** The limit in breach that counts most, if the value is known at all. */
export function breach(point: Point) {
  if (!usable(point)) return undefined;
  return point.limits.filter(isActive).sort((a, b) => rank(a.priority) - rank(b.priority))[0];
}

/** Points for a card: in breach, then without a value, then by the gravest limit they have. */
export function important(points: Point[], count: number): Point[] {
  const weight = (p: Point) => {
    const hit = breach(p);
    if (hit) return rank(hit.priority);
    const gravest = Math.min(9, ...p.limits.map((l) => rank(l.priority)));
    return (usable(p) || gravest === 9 ? 20 : 10) + gravest;
  };
  return points.map((p, i) => ({ p, i, w: weight(p) })).sort((a, b) => a.w - b.w || a.i - b.i)
    .slice(0, count).map((x) => x.p);
}

/** 1 to 4 for the gravest alarm of these, 0 for none; only active ones tint a card. */
export function worst(alarms: Alarm[]): 0 | 1 | 2 | 3 | 4 {
  const active = alarms.filter(isActive);
  return active.length ? Math.min(...active.map((a) => rank(a.priority))) as 1 | 2 | 3 | 4 : 0;
}
