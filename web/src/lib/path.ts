// How sources and their devices are judged and put in order on the data path. Plain functions.
import type { Broker, Device, Heard, Part, Path, Source, UnknownName } from './api';

const DEVICE_RANK: Record<string, number> = {
  disconnected: 0, resting: 1, failing: 2, 'reading-part': 3, waiting: 5, reading: 6,
};
/** Least is worst; a state that the page does not know is not taken for a good one. */
export const deviceRank = (d: Pick<Device, 'state'>) => DEVICE_RANK[d.state] ?? 4;

/** Not everything the device should give is being read. */
export const troubled = (d: Pick<Device, 'state'>) => deviceRank(d) < 5;

/** Parts beside reading and judging that do not work. Outlets and broker have lists of their own. */
export const halted = (path: Pick<Path, 'parts'>): (Part & { state: 'limited' | 'down' })[] =>
  (path.parts ?? []).filter((p): p is Part & { state: 'limited' | 'down' } =>
    (p.state === 'down' || p.state === 'limited') && !p.name.startsWith('outlet.') && p.name !== 'broker');

/** What the embedded broker let nobody have. Not `over_share`: a message beyond the share is acknowledged and reaches subscribers. */
export const refusedBy = (b: Pick<Broker, 'refused' | 'malformed' | 'turned_away'>) => b.refused + b.malformed + b.turned_away;

export type Health = 'down' | 'trouble' | 'ok';

export interface SourceHealth { health: Health; bad: number; all: number }

/** A source whose line stands may still have devices that are not read. */
export function sourceHealth(source: Pick<Source, 'connected' | 'devices'>): SourceHealth {
  const bad = source.devices.filter(troubled).length;
  return { health: !source.connected ? 'down' : bad > 0 ? 'trouble' : 'ok', bad, all: source.devices.length };
}

/** The devices of a source, those that come too seldom first. */
export const pacesOf = (heard: Heard[], source: string): Heard[] =>
  heard.filter((h) => h.source === source).map((h, i) => ({ h, i })).sort((a, b) => Number(!a.h.write) - Number(!b.h.write) || a.i - b.i).map((x) => x.h);

/** 0.25 s, 1.5 s, 20 s, 15 min. */
export function pace(ms: number): string {
  if (ms >= 120_000) return `${(ms / 60_000).toFixed(ms < 600_000 ? 1 : 0)} min`;
  return `${(ms / 1000).toFixed(ms < 1000 ? 2 : ms < 10_000 ? 1 : 0)} s`;
}

const HEALTH_RANK: Record<Health, number> = { down: 0, trouble: 1, ok: 2 };
export const sourceRank = (s: Source) => HEALTH_RANK[sourceHealth(s).health];

export const deviceKey = (d: Device) => `${d.label} ${d.unit}`;

/** Those in trouble first, equals as they came. While somebody is at the list (`held`) the order they saw stands:
 *  a row must not slip away under the pointer or lose the focus. */
export function arrange<T>(items: T[], key: (item: T) => string, rank: (item: T) => number, seen: readonly string[], held: boolean): T[] {
  if (!held) return items.map((item, i) => ({ item, i, r: rank(item) })).sort((a, b) => a.r - b.r || a.i - b.i).map((x) => x.item);
  const place = new Map(seen.map((k, i) => [k, i]));
  return items.map((item, i) => ({ item, p: place.get(key(item)) ?? seen.length + i })).sort((a, b) => a.p - b.p).map((x) => x.item);
}

export const LINE_COUNTS = ['sent_bytes', 'received_bytes', 'connects', 'late_answers', 'foreign_answers', 'doubled_answers', 'crc_errors', 'junk_bytes', 'other_master'] as const;
export const MQTT_COUNTS = ['retained', 'duplicates', 'expired', 'ignored', 'set_aside', 'repaired', 'bad_times', 'queued', 'offline', 'unacknowledged', 'sessions_lost', 'broker_dropped'] as const;

/** One cell of pasted text. The names come from whoever may publish: no cell may break the row or act as a formula. */
function cell(text: string | null): string {
  const line = (text ?? '').replace(/[\t\r\n\u0000]+/g, ' ');
  return /^[=+@-]/.test(line) && Number.isNaN(Number(line)) ? `'${line}` : line;
}

/** Topic, device, point and example, tab-separated with a heading, for a spreadsheet. */
export function namesAsText(names: UnknownName[]): string {
  const rows = names.map((n) => [n.topic, n.device, n.point, n.example].map(cell).join('\t'));
  return ['topic\tdevice\tpoint\texample', ...rows].join('\n');
}
