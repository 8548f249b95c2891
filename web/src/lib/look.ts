// How a value may be shown, and the words that go with it. Unknown is never shown as normal.
import type { Point } from './api';
import { clock } from './format';
import { t } from './i18n/index.svelte';
import { causeText } from './words';

/** `pending`: never read; `stale`: last value, hatched; `bad`: the reading is no value; `none`: nothing to show. */
export type Look = 'ok' | 'pending' | 'stale' | 'bad' | 'none';

/** The reading itself was refused, as opposed to no reading having come. */
const INVALID = new Set(['not-a-number', 'out-of-range', 'missing', 'unreadable', 'device-says-bad', 'sentinel', 'loop-fault', 'no-factor', 'derived-input', 'jump', 'other-unit', 'boolean']);

export function look(point: Point, lost: boolean): Look {
  if (point.cause === 'not-yet-read') return 'pending';
  if (point.quality === 'bad' && point.cause && INVALID.has(point.cause)) return 'bad';
  if (point.value === null) return 'none';
  if (lost || point.quality === 'bad' || point.quality === 'stale') return 'stale';
  return 'ok';
}

/** Why the value is not plainly good, in words; empty if it is. */
export function doubt(point: Point, lost: boolean, zone: string): string {
  const kind = look(point, lost);
  if (kind === 'ok' && point.quality === 'good') return '';
  const reason = lost && kind === 'stale' ? '' : causeText(point.cause);
  const last = kind === 'stale' || kind === 'bad' ? (point.at ? t('value.last', { time: clock(point.at, zone) }) : '') : '';
  return [point.cause === 'stale' ? '' : reason, last].filter(Boolean).join(' · ') || t('value.none');
}
