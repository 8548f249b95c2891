// Order and judgement on the data path, and what is copied from it.
import { describe, expect, it } from 'vitest';
import type { Broker, Device, DeviceState, Source } from './api';
import { arrange, deviceKey, deviceRank, halted, namesAsText, pace, pacesOf, refusedBy, sourceHealth, sourceRank, troubled } from './path';

const device = (label: string, state: string, more: Partial<Device> = {}): Device => ({
  label, unit: 1, state: state as DeviceState, last_error: null, last_error_at: null, requests: 0, failures: 0, polls: 0, good_polls: 0,
  missed_polls: 0, success: null, round_trip_p50_us: null, round_trip_p99_us: null, refused: [], ...more,
});
const source = (id: string, connected: boolean, ...states: string[]) =>
  ({ id, connected, devices: states.map((s, i) => device(`${id}/${i}`, s)) }) as Source;
const order = (list: Device[], seen: string[] = [], held = false) => arrange(list, deviceKey, deviceRank, seen, held).map((d) => d.label).join(' ');

describe('devices', () => {
  it('in trouble come first, equals as they came', () => {
    const list = [device('a', 'reading'), device('b', 'waiting'), device('c', 'reading-part'), device('d', 'reading'), device('e', 'failing'),
      device('f', 'resting'), device('g', 'disconnected')];
    expect(order(list)).toBe('g f e c b a d');
  });
  it('keep their place while somebody is at the list, new ones come last', () => {
    const list = [device('a', 'reading'), device('b', 'failing'), device('c', 'reading')];
    expect(order(list, ['c 1', 'a 1'], true)).toBe('c a b');
    expect(order(list, ['c 1', 'a 1'], false)).toBe('b a c');
  });
  it('of a state the page does not know are not taken for good', () => {
    expect(troubled(device('a', 'melting'))).toBe(true);
    expect(troubled(device('a', 'waiting'))).toBe(false);
    expect(order([device('a', 'reading'), device('b', 'melting')])).toBe('b a');
  });
  it('are told apart by unit where labels are alike', () => {
    expect(deviceKey(device('a', 'reading', { unit: 1 }))).not.toBe(deviceKey(device('a', 'reading', { unit: 2 })));
  });
});

describe('the embedded broker', () => {
  it('did not refuse what was only not kept beyond a share', () => {
    expect(refusedBy({ refused: 1, over_share: 100, malformed: 2, turned_away: 4 } as Broker)).toBe(7);
  });
});

describe('sources', () => {
  it('whose line stands are not fine while a device is silent', () => {
    expect(sourceHealth(source('a', true, 'reading', 'resting', 'waiting'))).toEqual({ health: 'trouble', bad: 1, all: 3 });
    expect(sourceHealth(source('a', true, 'reading'))).toMatchObject({ health: 'ok' });
    expect(sourceHealth(source('a', true))).toMatchObject({ health: 'ok' });
    expect(sourceHealth(source('a', false))).toMatchObject({ health: 'down' });
  });
  it('that are away come before those with a device in trouble', () => {
    const list = [source('a', true, 'reading'), source('b', true, 'failing'), source('c', false)];
    expect(arrange(list, (s) => s.id, sourceRank, [], false).map((s) => s.id).join('')).toBe('cba');
  });
});

describe('paces', () => {
  it('of a source are its devices, the slow ones first', () => {
    const heard = (name: string, of: string, write?: string) =>
      ({ device: name, source: of, every_ms: 20000, expected_ms: 5000, silent_after_ms: 15000, ...(write ? { write } : {}) });
    const list = [heard('a', 's'), heard('b', 't', 'x'), heard('c', 's', 'expect_every = "20s"'), heard('d', 's')];
    expect(pacesOf(list, 's').map((h) => h.device).join('')).toBe('cad');
  });
  it('are told in the unit that fits', () => {
    expect([250, 1500, 19980, 900000].map(pace)).toEqual(['0.25 s', '1.5 s', '20 s', '15 min']);
  });
});

describe('unknown names as text', () => {
  it('have one row a name and a heading', () => {
    expect(namesAsText([{ topic: 'a/b', device: 'd', point: null, example: '-1.5' }])).toBe('topic\tdevice\tpoint\texample\na/b\td\t\t-1.5');
  });
  it('neither break the row nor act as a formula', () => {
    const [, row] = namesAsText([{ topic: 'a\tb\nc', device: '=HYPERLINK("x")', point: '@p', example: '+1' }]).split('\n');
    expect(row).toBe('a b c\t\'=HYPERLINK("x")\t\'@p\t+1');
  });
});

describe('parts beside reading and judging', () => {
  it('are shown when they do not work, outlets with the outlets', () => {
    const part = (name: string, state: 'up' | 'down' | 'limited' | 'starting') => ({ name, state, problem: null, retry_at: null });
    const parts = [part('console', 'limited'), part('broker', 'down'), part('outlet.influx.a', 'down'), part('x', 'up'), part('y', 'starting')];
    expect(halted({ parts }).map((p) => p.name)).toEqual(['console']);
    expect(halted({})).toEqual([]);
  });
});
