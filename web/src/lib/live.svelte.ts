// The one live store: fetches the overview, follows the event stream, notices when it falls silent.
import { ApiError, get, request, setToken, whenUnauthorized, type Overview, type Point } from './api';
import { ms } from './format';
import { SseParser } from './sse';
import { apply, explain, learn, outdated, unexplained, type GatewayEvent } from './state';
import { trends } from './trends.svelte';

/** Silence of the stream after which the page no longer shows the plant. */
const SILENCE = 5000;
/** Least pause between two questions for the words of values. */
const ASK_PAUSE = 2000;
const RETRY = [1000, 2000, 4000, 8000, 15000];

class Live {
  model = $state<Overview | null>(null);
  /** Gateway time, ticking. */
  now = $state(Date.now());
  /** Seconds of silence once it is too long, else 0. */
  lostFor = $state(0);
  retryIn = $state(0);
  needsToken = $state(false);
  tokenRefused = $state(false);
  failed = $state(false);

  #heard = 0;
  /** When the present stream was opened; 0 without one. */
  #opened = 0;
  #offset = 0;
  #attempt = 0;
  #retryAt = 0;
  #wake: (() => void) | null = null;
  #abort: AbortController | null = null;
  /** Equipment with values whose words are to be fetched. */
  #asking = new Set<string>();
  #asked = 0;

  get lost(): boolean { return this.lostFor > 0; }
  get zone(): string { return this.model?.site.timezone ?? 'UTC'; }

  start(): void {
    whenUnauthorized(() => {
      this.tokenRefused = this.needsToken;
      this.needsToken = true;
    });
    setInterval(() => this.#tick(), 250);
    void this.#run();
  }

  enterToken(token: string): void {
    setToken(token);
    this.reconnect();
  }

  reconnect(): void {
    this.#attempt = 0;
    this.#abort?.abort();
    this.#wake?.();
  }

  #tick(): void {
    const second = Math.floor((Date.now() + this.#offset) / 1000);
    if (second !== Math.floor(this.now / 1000)) this.now = second * 1000;
    this.retryIn = Math.max(0, Math.ceil((this.#retryAt - performance.now()) / 1000));
    if (!this.model) return;
    const silent = performance.now() - this.#heard;
    this.lostFor = silent > SILENCE ? Math.floor(silent / 1000) : 0;
    // A half-open connection: give it up.
    if (this.lost && this.#opened && performance.now() - this.#opened > SILENCE) this.#abort?.abort();
  }

  async #run(): Promise<never> {
    for (;;) {
      this.#abort = new AbortController();
      this.#retryAt = 0;
      const silence = setTimeout(() => this.#abort?.abort(), 10_000);
      try {
        await this.#fetchOverview(this.#abort.signal);
        const response = await request('events', { signal: this.#abort.signal });
        clearTimeout(silence);
        this.#opened = performance.now();
        await this.#follow(response);
      } catch (error) {
        this.failed = !(error instanceof ApiError && error.status === 401);
      }
      clearTimeout(silence);
      this.#opened = 0;
      const wait = RETRY[Math.min(this.#attempt++, RETRY.length - 1)]!;
      this.#retryAt = performance.now() + wait;
      await new Promise<void>((done) => {
        this.#wake = done;
        if (!this.needsToken) setTimeout(done, wait);
      });
    }
  }

  async #fetchOverview(signal: AbortSignal): Promise<void> {
    const overview = await get<Overview>('overview', signal);
    this.#hear(overview.now);
    for (const { points } of overview.equipment) learn(points);
    this.#asking.clear();
    this.model = overview;
    this.needsToken = this.tokenRefused = this.failed = false;
    void trends.load(overview.equipment, signal);
  }

  async #follow(response: Response): Promise<void> {
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new SseParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const { event, data } of parser.push(value)) {
        if (event === 'refresh') {
          await this.#fetchOverview(this.#abort!.signal);
        } else {
          const told = { event, data: JSON.parse(data) } as GatewayEvent;
          // New settings: a value may be in another unit than the page knows. What is fetched now is newer than this.
          if (told.event === 'values' && outdated(this.model, told.data.settings_at)) await this.#fetchOverview(this.#abort!.signal);
          else this.#take(told);
        }
      }
    }
  }

  #take(event: GatewayEvent): void {
    this.#attempt = 0;
    this.#hear(event.event === 'values' ? event.data.at : null);
    if (!this.model) return;
    apply(this.model, event);
    if (event.event !== 'values') return;
    trends.add(event.data.points);
    for (const id of unexplained(this.model.equipment, event.data.points)) this.#asking.add(id);
    if (this.#asking.size > 0 && performance.now() - this.#asked > ASK_PAUSE) void this.#ask();
  }

  /** What fails here is asked again with the next values. */
  async #ask(): Promise<void> {
    const asking = [...this.#asking];
    this.#asking.clear();
    this.#asked = performance.now();
    const model = this.model;
    await Promise.all(asking.map(async (id) => {
      const fetched = await get<Point[]>(`equipment/${encodeURIComponent(id)}/points`, this.#abort?.signal).catch(() => []);
      // A new overview has come in the meantime: it knows better.
      if (model === this.model) explain(model?.equipment.find((e) => e.id === id)?.points ?? [], fetched);
    }));
  }

  #hear(at: string | null): void {
    this.#heard = performance.now();
    if (at) this.#offset = ms(at) - Date.now();
  }
}

export const live = new Live();
