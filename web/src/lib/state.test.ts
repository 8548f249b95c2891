// How events change the model.
import { beforeEach, describe, expect, it } from 'vitest';
import type { Alarm, Hazard, Overview, Point } from './api';
import { apply, breach, bySeverity, important, worst } from './state';

const at = '2026-11-24T10:00:00.000000Z';
const point = (id: string, more: Partial<Point> = {}): Point => ({
  id, name: { zh: id, en: id }, unit: 'mm', decimals: 0, value: 1, quality: 'good', cause: null, at, age_ms: 0, range: [-150, 150],
  limits: [], label: null, text: null, ...more,
});
const alarm = (more: Partial<Alarm> = {}): Alarm => ({
  rule: 'boiler-1/drum_level.ll', equipment: 'boiler-1', point: 'drum_level', device: null, kind: 'll', priority: 'critical',
  state: 'unacknowledged', value: -81, at: -75, unit: 'mm', raised_at: at, acknowledged_by: null, hazard: null, active: true, first_out: false, ...more,
});

let model: Overview;
const level = () => model.equipment[0]!.points[0]!;
beforeEach(() => {
  model = {
    site: { id: 's', name: { zh: 's', en: 's' }, region: null, timezone: 'UTC' }, version: '0', now: at, demo: false,
    equipment: [{
      id: 'boiler-1', name: { zh: 'b', en: 'b' }, kind: 'steam-boiler', model: null, registration: null, officer: null,
      points: [point('drum_level', { limits: [{ kind: 'll', at: -75, priority: 'critical', state: 'normal' }] }), point('pressure')],
    }],
    alarms: [], hazards: [], path: { sources: [], heard: [], outbox: { writable: true, pending_chunks: 0, bytes: 0, oldest_at: null }, outlets: [] },
  };
});

describe('apply', () => {
  it('takes values of known points', () => {
    const later = '2026-11-24T10:00:01.000000Z';
    apply(model, { event: 'values', data: { at: later, points: [['boiler-1', 'drum_level', -81, 'good', null, later], ['x', 'y', 1, 'good', null, at]] } });
    expect(level()).toMatchObject({ value: -81, at: later });
    expect(model.now).toBe(later);
  });

  it('keeps the last usable value when a reading has none', () => {
    apply(model, { event: 'values', data: { at, points: [['boiler-1', 'drum_level', null, 'bad', 'timeout', null]] } });
    expect(level()).toMatchObject({ value: 1, quality: 'bad', cause: 'timeout', at });
  });

  it('puts alarms in, changes them and takes normal ones out', () => {
    apply(model, { event: 'alarm', data: alarm() });
    expect(model.alarms).toHaveLength(1);
    expect(level().limits[0]!.state).toBe('unacknowledged');
    apply(model, { event: 'alarm', data: alarm({ state: 'acknowledged' }) });
    expect(model.alarms.map((a) => a.state)).toEqual(['acknowledged']);
    apply(model, { event: 'alarm', data: alarm({ state: 'normal' }) });
    expect(model.alarms).toEqual([]);
    expect(level().limits[0]!.state).toBe('normal');
  });

  it('keeps hazards until they are closed', () => {
    const hazard = { id: 'h', status: 'open', version: 1 } as Hazard;
    apply(model, { event: 'hazard', data: hazard });
    apply(model, { event: 'hazard', data: { ...hazard, version: 2 } });
    expect(model.hazards.map((h) => h.version)).toEqual([2]);
    apply(model, { event: 'hazard', data: { ...hazard, status: 'closed' } });
    expect(model.hazards).toEqual([]);
  });
});

describe('severity', () => {
  it('orders by priority, then acknowledgement, then age', () => {
    const list = [
      alarm({ rule: 'a', priority: 'low' }), alarm({ rule: 'b', state: 'acknowledged' }), alarm({ rule: 'c' }),
      alarm({ rule: 'd', raised_at: '2026-11-24T11:00:00Z' }), alarm({ rule: 'e', state: 'returned_unacknowledged' }),
    ];
    expect(list.sort(bySeverity).map((a) => a.rule).join('')).toBe('dceba');
  });

  it('tints by active alarms only', () => {
    expect(worst([alarm({ state: 'returned_unacknowledged' })])).toBe(0);
    expect(worst([alarm({ priority: 'medium' }), alarm({ priority: 'high', state: 'acknowledged' })])).toBe(2);
  });

  it('never calls an unknown value a breach', () => {
    const limits = [{ kind: 'll' as const, at: -75, priority: 'critical' as const, state: 'unacknowledged' as const }];
    expect(breach(point('p', { limits }))?.kind).toBe('ll');
    expect(breach(point('p', { limits, quality: 'stale' }))).toBeUndefined();
  });

  it('shows points in alarm first, then unknown ones, then by their gravest limit', () => {
    const limit = (priority: 'critical' | 'low', state: 'normal' | 'acknowledged' = 'normal') => [{ kind: 'h' as const, at: 1, priority, state }];
    const points = [
      point('plain'), point('low', { limits: limit('low') }), point('grave', { limits: limit('critical') }),
      point('lost', { limits: limit('low'), quality: 'bad' }), point('hit', { limits: limit('low', 'acknowledged') }),
    ];
    expect(important(points, 4).map((p) => p.id)).toEqual(['hit', 'lost', 'grave', 'low']);
  });
});
