// Values that stand for words: states of an enumeration, texts. The live stream brings bare numbers, the words come
// with a fetch; what a number meant once is remembered, so that a change of state is in words at once. Kept only until
// the page connects anew: after a restart of the gateway a number may stand for another text.
import type { Texts } from './api';

export interface Meaning { label: Texts | null; text: string | null }

/** Values without words after which a point is taken for a plain number. */
const PLAIN = 8;
/** Texts come and go without end; only the latest are kept. */
const MOST = 200;

export class Meanings {
  #known = new Map<number, Meaning | null>();
  #textual = false;
  #worded = false;

  /** Whether some value of the point had a word. */
  get worded(): boolean { return this.#worded; }
  /** Whether the point's values are texts: a number of it says nothing to people. */
  get textual(): boolean { return this.#textual; }

  learn(value: number | null, { label, text }: Meaning): void {
    if (value === null) return;
    const meaning = label || text !== null ? { label, text } : null;
    this.#worded ||= meaning !== null;
    this.#textual ||= text !== null;
    this.#known.delete(value);
    this.#known.set(value, meaning);
    if (this.#known.size > MOST) this.#known.delete(this.#known.keys().next().value!);
  }

  of(value: number): Meaning | null {
    return this.#known.get(value) ?? null;
  }

  /** Whether the gateway should be asked what `value` means. */
  asks(value: number): boolean {
    return Number.isInteger(value) && !this.#known.has(value) && (this.#worded || this.#known.size < PLAIN);
  }
}

/** Quantities with a unit are no enumerations. */
export const mayHaveWords = (unit: string) => unit === '' || unit === '-' || unit === 'bool';
