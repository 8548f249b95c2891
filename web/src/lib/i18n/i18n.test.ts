// Both languages say the same things with the same blanks to fill in.
import { describe, expect, it } from 'vitest';
import { en } from './en';
import { zh } from './zh';

const blanks = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();

/** Every cause the gateway can name. */
const CAUSES = ['not-yet-read', 'timeout', 'disconnected', 'garbled', 'backing-off', 'exception-01', 'exception-02', 'exception-03',
  'exception-04', 'exception-05', 'exception-06', 'exception-08', 'exception-0a', 'exception-0b', 'exception', 'not-a-number', 'out-of-range',
  'missing', 'unreadable', 'device-says-bad', 'sentinel', 'stale', 'rounded', 'device-clock', 'loop-fault', 'loop-saturated',
  'heartbeat-stopped', 'warm-up', 'no-factor', 'torn', 'clock-unsure', 'derived-input', 'jump', 'frozen',
  'other-unit', 'boolean', 'queued', 'implausible', 'factor-unsure', 'shared-registration', 'condition-unknown'];

describe('languages', () => {
  it('have the same keys', () => expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort()));
  it.each(Object.keys(zh) as (keyof typeof zh)[])('%s has the same blanks', (key) => {
    expect(zh[key]).not.toBe('');
    expect(blanks(en[key])).toEqual(blanks(zh[key]));
  });
  it.each(CAUSES)('cause %s has words', (cause) => expect(zh).toHaveProperty([`cause.${cause}`]));
  it.each(['waiting', 'reading', 'reading-part', 'failing', 'resting', 'disconnected'])('device state %s has words', (state) =>
    expect(zh).toHaveProperty([`device.${state}`]));
  it('neither leaves the other language in', () => {
    for (const [key, text] of Object.entries(en)) if (key !== 'top.language') expect(text, key).not.toMatch(/[\u4e00-\u9fff]/);
  });
});
