import { render } from 'svelte/server';
import { afterEach, expect, test, vi } from 'vitest';
import type { Point, ReadingChange } from '../lib/api';
import { i18n } from '../lib/i18n/index.svelte';
import type { Older } from '../lib/series';
import TrendNotes from './TrendNotes.svelte';

// The chart asks the browser for its theme.
vi.hoisted(() => { globalThis.matchMedia = (() => ({ matches: false, addEventListener: () => {} })) as unknown as typeof matchMedia; });

const point: Point = {
  id: 'p', name: { zh: '蒸汽压力', en: 'Steam pressure' }, unit: 'MPa', decimals: 2, value: 1, quality: 'good', cause: null, at: null, age_ms: 0,
  range: [0, 2], limits: [], label: null, text: null,
};
const MINUTE = 60_000, to = Date.UTC(2026, 10, 30, 12), from = to - 60 * MINUTE;
const kPa: Older = { unit: 'kPa', samples: [[to - 30 * MINUTE, 900, 1000, 950]] };
const changes: ReadingChange[] = [
  { at: new Date(to - 29 * MINUTE).toISOString(), kind: 'unit', point: 'p', was: 'kPa', now: 'MPa' },
  { at: new Date(to - 10 * MINUTE).toISOString(), kind: 'read-otherwise', point: 'p', was: 'unit 1 holding 0 u16', now: 'unit 1 holding 0 u16 × 0.1' },
];

/** What a reader sees. */
const shown = (older: Older[], told: ReadingChange[], since = from) =>
  render(TrendNotes, { props: { point, older, changes: told, from: since, to, step: MINUTE } }).body
    .replace(/<!--.*?-->/g, '').replace(/<[^>]+>/g, ' ').replace(/&nbsp;|\s+/g, ' ').trim();

afterEach(() => { i18n.lang = 'zh'; });

test('a unit of before is named with the time until when it was, in both languages, and its curve can be looked at', () => {
  i18n.lang = 'zh';
  expect(shown([kPa], changes)).toMatch(/蒸汽压力: .*11:31:00 以前以 kPa 保存，曲线单独显示 看以前的曲线/);
  i18n.lang = 'en';
  expect(shown([kPa], changes)).toMatch(/Steam pressure: until .*11:31:00 it was kept in kPa; that curve stands apart Show the older curve/);
});

test('a point that is read otherwise in the same unit has the instant and both ways beside its curve', () => {
  i18n.lang = 'zh';
  expect(shown([], changes)).toMatch(/11:50:00 起读法改变.* unit 1 holding 0 u16 → unit 1 holding 0 u16 × 0.1/);
  i18n.lang = 'en';
  expect(shown([], changes)).toMatch(/read otherwise from .*11:50:00 on, in the same unit/);
});

test('what lies before the window that is shown is not told, and another type of the same unit is told as that', () => {
  expect(shown([kPa], changes, to - 5 * MINUTE)).toBe('');
  expect(shown([{ ...kPa, unit: 'MPa' }], [])).toContain('另一种类型');
  expect(shown([{ ...kPa, unit: '' }], [])).toContain('无单位');
});
