import { render } from 'svelte/server';
import { afterEach, expect, test } from 'vitest';
import type { Equipment, Figures } from '../lib/api';
import { i18n } from '../lib/i18n/index.svelte';
import FiguresView from './FiguresView.svelte';

const equipment = [{
  id: 'boiler-1', name: { zh: '1# 锅炉', en: 'Boiler 1' },
  points: [{ id: 'drum_level', name: { zh: '锅筒水位', en: 'Drum level' }, limits: [] }],
}] as unknown as Equipment[];

const rule = 'boiler-1/drum_level.ll';
const quiet: Figures = {
  from: '2026-11-24T00:00:00.000000Z', to: '2026-11-25T00:00:00.000000Z', calls: 0,
  per_ten_minutes: 0, per_ten_minutes_verdict: 'good', per_hour: 0, per_hour_verdict: 'good', per_day: 0, per_day_verdict: 'good',
  worst_ten_minutes: 0, worst_hour: 0, timeline: { step_s: 3600, calls: Array(24).fill(0) as number[] },
  floods: [], flood_percent: 0, flood_verdict: 'good', top: [], top_percent: 0, chattering: [], standing: 2, stale: [], stale_verdict: 'good',
  answers: [], spread_verdict: 'good', pyramid: { major: 0, general: 0, alarms: 0, delayed: 3, near: 4 }, nearly: [],
};
const busy: Figures = {
  ...quiet, calls: 412, per_hour: 17.1667, per_hour_verdict: 'act', per_ten_minutes: 1.5, per_ten_minutes_verdict: 'watch',
  timeline: { step_s: 3600, calls: [0, 400, 12] }, top: [{ rule, calls: 400, percent: 97.09 }], top_percent: 97.09,
  chattering: [
    { rule, raises: 400, most_a_minute: 6, longer_on_delay: [3, 0], longer_off_delay: [10, 1] },
    { rule: 'boiler-1/gone.h', raises: 30, most_a_minute: 5, longer_on_delay: null, longer_off_delay: null },
  ],
  stale: [['boiler-1/device:plc.no_data', '2026-11-20T08:00:00.000000Z']],
  answers: [{ priority: 'critical', calls: 400, percent: 97, acknowledged: { count: 4, median_s: 65, p90_s: 200 }, unanswered: 7, returned: null }],
  spread_verdict: 'act',
  pyramid: { major: 1, general: 2, alarms: 412, delayed: 3, near: 4 }, nearly: [{ rule, calls: 7, percent: 100 }],
};

const html = (figures: Figures) => render(FiguresView, { props: { figures, equipment, zone: 'Asia/Shanghai' } }).body;
/** What a reader sees. */
const shown = (figures: Figures) => html(figures).replace(/<!--.*?-->/g, '').replace(/<[^>]+>/g, ' ').replace(/&nbsp;|\s+/g, ' ').replace(/&lt;/g, '<').trim();

afterEach(() => { i18n.lang = 'zh'; });

test('each figure stands with what is asked of it and a verdict in words', () => {
  i18n.lang = 'en';
  const text = shown(busy);
  expect(text).toContain('Average in an hour 17.17 ≤ 6 Act');
  expect(text).toContain('Average in 10 minutes 1.50 ≤ 1 Watch');
  expect(text).toContain('Time in flood 0.00 % ≤ 1 % Good');
  i18n.lang = 'zh';
  expect(shown(busy)).toContain('平均每小时 17.17 ≤ 6 须改进');
});

test('whoever calls most is named in words, leads to its equipment, and is told what would quieten it', () => {
  i18n.lang = 'en';
  const text = shown(busy);
  expect(text).toContain('Most frequent alarms the first 1 are 97 % Boiler 1 Drum level low-low 400 97 %');
  expect(text).toContain('400 times, 6 within a minute off-delay longer by 10 s: 1 left');
  expect(text).toContain('no delay helps: look at the sensor or the limit');
  expect(text).toContain('Boiler 1 plc data lost since 2026-11-20 16:00:00');
  expect(html(busy)).toContain('href="#/equipment/boiler-1"');
});

test('answers tell half and nine in ten, and what nobody took note of', () => {
  expect(shown(busy)).toContain('紧急 400 97 % 未确认 7 确认用时 半数 1 分 05 秒，九成 3 分 20 秒 恢复用时 —');
});

test('the shares of urgent alarms stand with the rule they are held to, unless there are too few calls', () => {
  i18n.lang = 'en';
  expect(shown(busy)).toContain('Spread of priorities critical 97 %, high 0 % ≤ 5 %, ≤ 15 % (EEMUA 191, ISA-18.2) Act');
  expect(shown(quiet)).toMatch(/Spread of priorities — ≤ 5 %, ≤ 15 % \(EEMUA 191, ISA-18.2\) (?!Good|Watch|Act)/);
  i18n.lang = 'zh';
  expect(shown(busy)).toContain('优先级分布 紧急 97 %，高 0 %');
});

test('the pyramid goes from hazards down to what only came near', () => {
  i18n.lang = 'en';
  expect(shown(busy)).toMatch(/Major hazards 1 Ordinary hazards 2 Alarms 412 Back within the delay 3 Near a limit 4/);
});

test('the bars stand in words too', () => {
  i18n.lang = 'en';
  expect(html(busy)).toContain('aria-label="412 in all, at most 400 in one bar, from 2026-11-24 08:00:00"');
});

test('a span without an alarm says so, and what nearly was one', () => {
  i18n.lang = 'en';
  const text = shown(quiet);
  expect(text).toContain('No alarm in this span Standing 2, nearly an alarm 7 times');
  expect(text).not.toContain('Alarms over time');
});
