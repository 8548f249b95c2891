// The stream arrives in pieces of any size; events must come out whole.
import { describe, expect, it } from 'vitest';
import { SseParser } from './sse';

const STREAM = ': hello\n\nevent: values\ndata: {"a":1}\n\nevent: alarm\r\ndata: x\r\ndata: y\r\n\r\ndata:plain\r\revent: empty\n\n: keep-alive\n\n';
const EVENTS = [
  { event: 'values', data: '{"a":1}' },
  { event: 'alarm', data: 'x\ny' },
  { event: 'message', data: 'plain' },
];

describe('SseParser', () => {
  it('reads events, comments and all three line ends', () => {
    expect(new SseParser().push(STREAM)).toEqual(EVENTS);
  });

  it.each([1, 2, 3, 7])('gives the same in pieces of %i', (size) => {
    const parser = new SseParser();
    const events = [];
    for (let i = 0; i < STREAM.length; i += size) events.push(...parser.push(STREAM.slice(i, i + size)));
    expect(events).toEqual(EVENTS);
  });

  it('keeps an unfinished event back', () => {
    const parser = new SseParser();
    expect(parser.push('event: path\ndata: {}')).toEqual([]);
    expect(parser.push('\n\n')).toEqual([{ event: 'path', data: '{}' }]);
  });
});
