// A hazard that no alarm opened: it has no rule, no unit, and may have no equipment.
import { render } from 'svelte/server';
import { expect, test, vi } from 'vitest';
import type { Hazard, Overview } from '../lib/api';
import { live } from '../lib/live.svelte';
import HazardDetail from './HazardDetail.svelte';

// The chart asks the browser for its theme.
vi.hoisted(() => { globalThis.matchMedia = (() => ({ matches: false, addEventListener: () => {} })) as unknown as typeof matchMedia; });

const at = '2026-11-30T10:00:00Z';
const hazard = {
  id: 'h1', number: 'YH-20261130-0001', equipment: null, source: 'duty', rule: null, point: null, category: 'duty',
  title: { zh: '无人值守', en: 'Nobody is on duty' }, consequence: null, responsible: null, escalated: false, level: 'general',
  level_state: 'proposed', status: 'open', found_at: at, last_seen: at, occurrences: 1, value: null, setpoint: null, unit: null,
  acknowledged_by: null, acknowledged_at: null, closed_by: null, closed_at: null, closing_note: null, version: 1,
  evidence: { from: at, to: at, sealed: false, sha256: null }, deliveries: [],
} satisfies Hazard;

test('a hazard without equipment, rule and unit is shown without them and is not said to come from live monitoring', () => {
  const shown = (one: Hazard) => {
    live.model = { site: { timezone: 'UTC' }, equipment: [], alarms: [], hazards: [one] } as unknown as Overview;
    return render(HazardDetail, { props: { id: 'h1' } }).body;
  };
  const body = shown(hazard);
  expect(body).toMatch(/Nobody is on duty|无人值守/);
  expect(body).not.toMatch(/null|undefined|live monitoring|实时监测/);
  expect(shown({ ...hazard, source: 'auto_alarm', equipment: 'v', rule: 'v/p.hh', unit: 'bar' })).toMatch(/v\/p\.hh/);
});
