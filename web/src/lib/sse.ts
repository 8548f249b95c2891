// Parser for server-sent events read from a fetch stream (EventSource cannot send a token).

export interface SseEvent { event: string; data: string }

export class SseParser {
  #rest = '';
  #event = '';
  #data: string[] = [];

  /** Takes the next piece of text and gives the events it completes. */
  push(text: string): SseEvent[] {
    this.#rest += text;
    const events: SseEvent[] = [];
    // A CR at the very end may be half of a CRLF: it waits for the next piece.
    for (let end; (end = /\r\n|\n|\r(?!$)/.exec(this.#rest)) !== null;) {
      const line = this.#rest.slice(0, end.index);
      this.#rest = this.#rest.slice(end.index + end[0].length);
      const event = this.#line(line);
      if (event) events.push(event);
    }
    return events;
  }

  #line(line: string): SseEvent | null {
    if (line === '') {
      const event = { event: this.#event || 'message', data: this.#data.join('\n') };
      const any = this.#data.length > 0;
      this.#event = '';
      this.#data = [];
      return any ? event : null;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return null; // comment
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#event = value;
    if (field === 'data') this.#data.push(value);
    return null;
  }
}
