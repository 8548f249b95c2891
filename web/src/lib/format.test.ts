// What people read: numbers, times in the site's zone, durations.
import { describe, expect, it } from 'vitest';
import { age, bytes, clock, date, duration, number, percent, since, UNKNOWN, weekday } from './format';

describe('number', () => {
  it.each([
    [1.046, 2, '1.05'], [-81.4, 0, '−81'], [-0.001, 2, '0.00'], [0, 1, '0.0'], [12480, 0, '12\u2009480'], [9999, 0, '9999'],
    [1234567.891, 1, '1\u2009234\u2009567.9'], [null, 1, UNKNOWN], [NaN, 1, UNKNOWN], [Infinity, 0, UNKNOWN],
  ])('%s with %i decimals is %s', (value, decimals, text) => expect(number(value, decimals)).toBe(text));
});

describe('times', () => {
  const at = '2026-11-24T18:26:40.123456Z';
  it('are those of the site', () => {
    expect(clock(at, 'Asia/Shanghai')).toBe('02:26:40');
    expect(date(at, 'Asia/Shanghai')).toBe('2026-11-25');
    expect(weekday(at, 'Asia/Shanghai', 'zh')).toBe('周三');
    expect(weekday(at, 'UTC', 'en')).toBe('Tue');
  });
  it('survive an unknown zone and a missing time', () => {
    expect(clock(at, 'Mars/Olympus')).toBe('18:26:40');
    expect(clock(null, 'UTC')).toBe('—');
    expect(clock('', 'UTC')).toBe('—');
  });
  it('carry the day when it is not today', () => {
    expect(since(at, '2026-11-24T20:00:00Z', 'Asia/Shanghai')).toBe('02:26:40');
    expect(since(at, '2026-11-26T20:00:00Z', 'Asia/Shanghai')).toBe('11-25 02:26:40');
  });
});

describe('durations', () => {
  it.each([
    [13_000, '13 秒', '13 s'], [126_000, '2 分 06 秒', '2 min 06 s'], [4_500_000, '1 小时 15 分', '1 h 15 min'],
    [180_000_000, '2 天 2 小时', '2 d 2 h'], [-5, '0 秒', '0 s'],
  ])('%i ms', (millis, zh, en) => {
    expect(duration(millis, 'zh')).toBe(zh);
    expect(duration(millis, 'en')).toBe(en);
  });
  it('ages', () => {
    expect(age(2100, 'zh')).toBe('2 s 前');
    expect(age(391_000, 'en')).toBe('6 min 31 s ago');
  });
  it('sizes', () => {
    expect(bytes(0)).toBe('0 B');
    expect(bytes(3_100_000)).toBe('3.1 MB');
    expect(bytes(31_000_000)).toBe('31 MB');
  });
});

describe('shares', () => {
  it.each([[null, '—'], [1, '100 %'], [0.999_99, '99.99 %'], [0.421, '42.10 %'], [0.29, '29.00 %'], [0, '0.00 %']])('%s', (share, text) => {
    expect(percent(share)).toBe(text);
  });
});
