// What the gateway says (types follow its OpenAPI document) and how the page asks it.
import type { Meanings } from './meanings';

export interface Texts { zh: string; en: string }
export type Priority = 'critical' | 'high' | 'medium' | 'low';
export type LimitKind = 'll' | 'l' | 'h' | 'hh' | 'state';
export type Quality = 'good' | 'uncertain' | 'bad' | 'stale';
export type AlarmState =
  | 'normal' | 'unacknowledged' | 'acknowledged'
  | 'returned_unacknowledged' | 'latched_unacknowledged' | 'latched_acknowledged'
  | 'shelved' | 'suppressed' | 'out_of_service';

export interface Limit { kind: LimitKind; at: number; priority: Priority; state: AlarmState }

export interface Point {
  id: string; name: Texts; unit: string; decimals: number;
  /** Last usable value. */
  value: number | null;
  quality: Quality; cause: string | null; at: string | null; age_ms: number | null;
  range: [number, number] | null; limits: Limit[];
  /** What the value means, where it is one of an enumeration. */
  label: Texts | null;
  /** The text, where the value is one. */
  text: string | null;
  /** The page's own: what was learned about other values of this point. */
  meanings?: Meanings;
}

export interface Equipment {
  id: string; name: Texts; kind: string; model: string | null;
  registration: string | null; officer: string | null; points: Point[];
}

export interface Alarm {
  /** Unique key, such as `boiler-1/drum_level.ll`. */
  rule: string;
  equipment: string; point: string | null; device: string | null;
  kind: LimitKind | 'no_data' | 'store' | 'ledger' | 'parts'; priority: Priority; state: AlarmState;
  value: number | null;
  /** The setpoint. */
  at: number | null;
  unit: string; raised_at: string | null; acknowledged_by: string | null; hazard: string | null;
  /** In breach, also where nobody is called. */
  active: boolean; first_out: boolean;
  /** The point that would tell whether the alarm should be hidden, and is unknown. */
  condition_unknown?: string;
  hidden?: { by: string; reason: string; until: string | null; since: string | null };
  guidance?: Guidance;
}

/** What an operator is told with an alarm. */
export interface Guidance {
  message: Texts | null; consequence: Texts | null; response: Texts | null; response_time_s: number | null;
}

export interface Delivery {
  outlet: string; version: number; state: 'delivered' | 'dead' | 'pending'; at: string | null; detail: string;
}

export interface Hazard {
  id: string; number: string;
  /** null: about the site, a person or the duty. */
  equipment: string | null;
  /** Why it was opened: `auto_alarm` today; others have no rule, point, value, setpoint and unit. */
  source: string; rule: string | null; point: string | null;
  category: string; title: Texts; consequence: Texts | null; responsible: string | null; escalated: boolean;
  level: 'general' | 'major'; level_state: 'proposed' | 'confirmed'; status: 'open' | 'acknowledged' | 'closed';
  found_at: string; last_seen: string; occurrences: number;
  value: number | null; setpoint: number | null; unit: string | null;
  acknowledged_by: string | null; acknowledged_at: string | null;
  closed_by: string | null; closed_at: string | null; closing_note: string | null; version: number;
  evidence: { from: string; to: string; sealed: boolean; sha256: string | null };
  deliveries: Delivery[];
}

export interface Evidence {
  from: string; to: string; sealed: boolean; sha256: string | null;
  /** A point whose unit was changed has a series for each; without `unit` it was not kept. */
  series: { point: string; unit?: string; samples: [ms: number, value: number | null][] }[];
}

export interface Transition {
  seq: number; at: string; rule: string; event: 'raised' | 'cleared' | 'acknowledged' | 'reset' | 'shelved' | 'unshelved' | 'suppressed' | 'unsuppressed'
    | 'taken_out' | 'put_back' | 'repeated' | 'removed' | 'reinstated';
  from: AlarmState; to: AlarmState; value: number | null;
  /** Of the value, as it was then; null where nobody can tell, and where the rule has no point. */
  unit?: string | null; cause: string | null; by: string | null;
}

export type DeviceState = 'waiting' | 'reading' | 'reading-part' | 'failing' | 'resting' | 'disconnected';

/** A device on a Modbus source; counted since the start or since its settings changed. */
export interface Device {
  label: string; unit: number; state: DeviceState;
  /** The last trouble; `state` says whether there is one now. */
  last_error: string | null; last_error_at: string | null;
  /** Lines for the profile's `[modbus]`. */
  learnt?: string[];
  requests: number; failures: number; polls: number; good_polls: number;
  /** Ticks skipped because the poll before took too long. */
  missed_polls: number;
  /** `good_polls` of `polls`, 0 to 1. */
  success: number | null;
  round_trip_p50_us: number | null; round_trip_p99_us: number | null;
  /** `address (file:line)` of the register list. */
  refused: string[];
}

/** A name that no setting knows; without `point` the device itself is unknown. */
export interface UnknownName { topic: string; device: string | null; point: string | null; example: string | null }

export interface Mqtt {
  unknown: UnknownName[]; unknown_more: number;
  retained: number; duplicates: number; expired: number; ignored: number; set_aside: number; repaired: number; bad_times: number; queued: number; offline: number; unacknowledged: number;
  sessions_lost?: number; session_lost_at?: string | null; broker_dropped?: number;
}

/** The embedded MQTT broker, a process of its own; counted since the gateway's start. */
export interface Broker {
  address: string; running: boolean; ended: number; last_error: string | null; last_error_at: string | null;
  clients: number; messages: number; dropped: number; wrong_passwords: number; refused: number; over_share?: number; malformed: number; turned_away: number;
}

export interface Source {
  id: string; kind: 'modbus' | 'mqtt'; connected: boolean; last_error: string | null;
  requests: number; errors: number; round_trip_us: number;
  sent_bytes: number; received_bytes: number; connects: number;
  late_answers: number; foreign_answers: number; doubled_answers: number; crc_errors: number; junk_bytes: number; other_master: number;
  devices: Device[];
  mqtt?: Mqtt | null;
}

/** Recording of the frames of a Modbus source; `unit` null: of all its devices. */
export interface Trace { on: boolean; unit: number | null; frames: number; until?: string | null }

export interface Outlet {
  id: string; kind: 'influx' | 'inspection'; ok: boolean; last_error: string | null;
  /** `refuses`: it answers and takes nothing; `down`: the outlet itself does not run. */
  state?: 'up' | 'away' | 'refuses' | 'down';
  /** Microseconds since the epoch. */
  retry_at: number | null;
  delivered: number; dead_letters: number; cursor: number;
}

/** Page, broker, outlets, and secrets that sources wait for: what is down is tried again. */
export interface Part { name: string; state: 'starting' | 'up' | 'limited' | 'down'; problem: string | null; retry_at: number | null }

/** How often a device is heard, as it was measured, is expected, and after what time it is silent. */
export interface Heard {
  device: string; source: string; every_ms: number | null; expected_ms: number; silent_after_ms: number;
  /** Clearly more seldom than expected: the setting that would fit. */
  write?: string;
}

export interface Path {
  sources: Source[];
  broker?: Broker;
  heard: Heard[];
  outbox: {
    writable: boolean; pending_chunks: number; bytes: number; oldest_at: string | null;
    /** `ok`, `reserve`, `full`, `read-only`, `moved`, `damaged`, `stalled`, `failing`. */
    store?: { state: string; problem: string | null; waiting: number };
    /** Readings that went before they could be stored. */
    lost?: number;
  };
  outlets: Outlet[];
  parts?: Part[];
}

export interface Overview {
  site: { id: string; name: Texts; region: string | null; timezone: string };
  version: string; now: string;
  /** Since when the points are as they stand here; `values` of another time may be in other units. */
  settings_at?: string;
  demo: boolean;
  equipment: Equipment[]; alarms: Alarm[]; hazards: Hazard[]; path: Path;
}

export type TrendBucket = [ms: number, min: number, max: number, last: number];
/** How a point was read, and is since `at`: in the same unit, or in another one. */
export interface ReadingChange { at: string; kind: 'read-otherwise' | 'unit'; point: string; was: string; now: string }
export interface Trend {
  from: string; to: string; step_ms: number;
  /** `current`: in the unit and type that the point has now. */
  series: { point: string; unit?: string; current?: boolean; samples: TrendBucket[] }[];
  /** null: not known. */
  changes?: ReadingChange[] | null;
}

export interface Fault { name: string; title: Texts; active: boolean }

export type Verdict = 'good' | 'watch' | 'act';
export interface Times { count: number; median_s: number; p90_s: number }
/** A rule, how often it called or nearly did, and its share in percent. */
export interface Actor { rule: string; calls: number; percent: number }
/** An alarm that comes and goes; seconds that its delay lacks, and how many raises would be left with them. */
export interface Chatter {
  rule: string; raises: number; most_a_minute: number;
  longer_on_delay: [seconds: number, left: number] | null; longer_off_delay: [seconds: number, left: number] | null;
}

/** How well the alarm system did in a span (EEMUA 191, ISA-18.2). */
export interface Figures {
  from: string; to: string; calls: number;
  per_ten_minutes: number; per_ten_minutes_verdict: Verdict; per_hour: number; per_hour_verdict: Verdict;
  per_day: number; per_day_verdict: Verdict; worst_ten_minutes: number; worst_hour: number;
  timeline: { step_s: number; calls: number[] };
  floods: { from: string; to: string; calls: number }[]; flood_percent: number; flood_verdict: Verdict;
  top: Actor[]; top_percent: number; chattering: Chatter[];
  standing: number; stale: [rule: string, since: string][]; stale_verdict: Verdict;
  answers: { priority: Priority | null; calls: number; percent: number; acknowledged: Times | null; unanswered: number; returned: Times | null }[];
  /** Of the shares by priority; of fewer than twenty calls nothing can be said. */
  spread_verdict: Verdict;
  pyramid: { major: number; general: number; alarms: number; delayed: number; near: number };
  nearly: Actor[];
}

/** A refusal; `texts` is what the gateway said for people, if it said anything. */
export class ApiError extends Error {
  constructor(readonly status: number, readonly code: string, readonly texts: Texts | null) {
    super(`${status} ${code}`);
  }
}

const TOKEN = 'steamward.token';
let onUnauthorized = () => {};

export function whenUnauthorized(call: () => void): void {
  onUnauthorized = call;
}

export function setToken(token: string): void {
  sessionStorage.setItem(TOKEN, token);
}

/** Same-origin request with the token, if there is one; anything but 2xx is thrown as ApiError. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const token = sessionStorage.getItem(TOKEN);
  if (token) headers.set('Authorization', `Bearer ${token}`);
  const response = await fetch(`api/v1/${path}`, { ...init, headers, cache: 'no-store' });
  if (response.ok) return response;
  if (response.status === 401) onUnauthorized();
  const body = await response.json().catch(() => null) as { error?: { code?: string; message?: Texts } } | null;
  throw new ApiError(response.status, body?.error?.code ?? 'http', body?.error?.message ?? null);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, signal ? { signal } : {});
  return await response.json() as T;
}

export async function post(path: string, body: unknown): Promise<void> {
  await request(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}
