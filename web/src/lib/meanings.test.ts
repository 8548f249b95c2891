// Numbers that stand for words, as the live stream brings them.
import { describe, expect, it } from 'vitest';
import type { Equipment, Overview, Point } from './api';
import { i18n } from './i18n/index.svelte';
import { Meanings } from './meanings';
import { apply, explain, learn, unexplained, type ValueRow } from './state';
import { limitText, valueText, withUnit, worded } from './words';

const at = '2026-11-24T10:00:00.000000Z';
const RUN = { zh: '运行', en: 'Running' }, STOP = { zh: '停炉', en: 'Stopped' };
const point = (more: Partial<Point> = {}): Point => ({
  id: 'state', name: RUN, unit: '', decimals: 0, value: 1, quality: 'good', cause: null, at, age_ms: 0, range: null, limits: [], label: RUN, text: null, ...more,
});
const plant = (...points: Point[]): Overview => {
  learn(points);
  return { equipment: [{ id: 'b', points } as unknown as Equipment], alarms: [], hazards: [] } as unknown as Overview;
};
const row = (value: number | null, quality: 'good' | 'bad' = 'good'): ValueRow => ['b', 'state', value, quality, null, at];
const send = (model: Overview, ...rows: ValueRow[]) => apply(model, { event: 'values', data: { at, points: rows } });

describe('a live value', () => {
  it('never keeps the words of the one before', () => {
    const p = point(), model = plant(p);
    send(model, row(2));
    expect(p).toMatchObject({ value: 2, label: null });
    expect(unexplained(model.equipment, [row(2)])).toEqual(['b']);
  });
  it('has its words at once when they are known', () => {
    const p = point(), model = plant(p);
    send(model, row(0));
    explain([p], [point({ value: 0, label: STOP })]);
    expect(p.label).toEqual(STOP);
    send(model, row(1));
    expect(p.label).toEqual(RUN);
    expect(unexplained(model.equipment, [row(1)])).toEqual([]);
  });
  it('that moved on while its words were fetched keeps its own', () => {
    const p = point(), model = plant(p);
    send(model, row(0));
    explain([p], [point({ value: 5, label: STOP })]);
    expect(p).toMatchObject({ value: 0, label: null });
    expect(p.meanings?.of(5)?.label).toEqual(STOP);
  });
  it('which is missing leaves the last words standing', () => {
    const p = point(), model = plant(p);
    send(model, row(null, 'bad'));
    expect(p).toMatchObject({ value: 1, label: RUN, quality: 'bad' });
  });
});

describe('the gateway is asked', () => {
  it('not about quantities with a unit, nor about fractions', () => {
    expect(unexplained(plant(point({ unit: 'MPa', value: 3, label: null, meanings: new Meanings() })).equipment, [row(3)])).toEqual([]);
    const m = new Meanings();
    expect(m.asks(0.5)).toBe(false);
  });
  it('no more about a plain counter after some values', () => {
    const m = new Meanings();
    for (let value = 0; value < 8; value += 1) {
      expect(m.asks(value)).toBe(true);
      m.learn(value, { label: null, text: null });
    }
    expect(m.asks(8)).toBe(false);
  });
  it('about every new text, and forgets the oldest', () => {
    const m = new Meanings();
    for (let value = 0; value < 300; value += 1) m.learn(value, { label: null, text: `t${value}` });
    expect(m.asks(300)).toBe(true);
    expect(m.of(299)?.text).toBe('t299');
    expect(m.of(0)).toBeNull();
  });
});

describe('words of a value', () => {
  it('stand with their number, in the language of the page', () => {
    i18n.lang = 'en';
    expect(valueText(point(), 1)).toBe('Running (1)');
    i18n.lang = 'zh';
    expect(valueText(point(), 1)).toBe('运行 (1)');
  });
  it('of a switch stand alone and take the place of yes and no', () => {
    expect(valueText(point({ unit: 'bool' }), 1)).toBe('运行');
    expect(valueText(point({ unit: 'bool', label: null }), 1)).toBe('是');
  });
  it('name the limit too', () => {
    const p = point();
    plant(p);
    p.meanings?.learn(2, { label: STOP, text: null });
    expect(limitText('state', 2, p)).toBe('= 停炉 (2)');
    expect(limitText('state', 9, p)).toBe('= 9');
  });
  it('are the text itself, and a number never stands in for one', () => {
    const p = point({ value: 7, label: null, text: 'SZS-10' });
    plant(p);
    expect(withUnit(p, 7)).toBe('SZS-10');
    expect(valueText(p, 8)).toBe('— —');
    expect(worded(p)).toBe(true);
  });
  it('are missing where the value is a number', () => {
    expect(withUnit(point({ unit: 'mm', label: null }), 12)).toBe('12 mm');
    expect(worded(point({ unit: 'mm', label: null }))).toBe(false);
  });
});
