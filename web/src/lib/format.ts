// Numbers, times and durations as people read them. Pure; the language is an argument.
export type Lang = 'zh' | 'en';

export const UNKNOWN = '— —';

/** Fixed decimals, true minus, thin space between thousands. */
export function number(value: number | null | undefined, decimals: number): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  const text = Math.abs(value).toFixed(decimals);
  const [whole = '', fraction] = text.split('.');
  const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, '\u2009') : whole;
  const minus = value < 0 && Number(text) !== 0 ? '−' : '';
  return minus + grouped + (fraction === undefined ? '' : `.${fraction}`);
}

export const count = (n: number) => number(n, 0);

export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  const step = Math.min(units.length - 1, n > 0 ? Math.floor(Math.log10(n) / 3) : 0);
  const value = n / 1000 ** step;
  return `${value.toFixed(step > 0 && value < 10 ? 1 : 0)} ${units[step]}`;
}

/** Round trip in milliseconds. */
export const roundTrip = (micros: number) => `${(micros / 1000).toFixed(micros < 1000 ? 2 : 1)} ms`;

/** `99.98 %`; rounded down, so that only a whole is 100 %. */
export function percent(share: number | null): string {
  if (share === null) return '—';
  if (share >= 1) return '100 %';
  return `${(Math.floor(Math.max(0, share) * 10_000 + 1e-6) / 100).toFixed(2)} %`;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function parts(at: number, zone: string): Record<string, string> {
  let formatter = formatters.get(zone);
  if (!formatter) {
    const options: Intl.DateTimeFormatOptions = {
      hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit',
      hour: '2-digit', minute: '2-digit', second: '2-digit', weekday: 'short',
    };
    try {
      formatter = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: zone });
    } catch {
      formatter = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' });
    }
    formatters.set(zone, formatter);
  }
  return Object.fromEntries(formatter.formatToParts(at).map((p) => [p.type, p.value]));
}

export type When = string | number | null | undefined;

/** Milliseconds since the epoch. */
export const ms = (at: When): number => (typeof at === 'number' ? at : Date.parse(at ?? ''));

const shown = (at: When, zone: string, text: (p: Record<string, string>) => string) =>
  Number.isNaN(ms(at)) ? '—' : text(parts(ms(at), zone));

export const clock = (at: When, zone: string) => shown(at, zone, (p) => `${p['hour']}:${p['minute']}:${p['second']}`);
export const hourMinute = (at: When, zone: string) => shown(at, zone, (p) => `${p['hour']}:${p['minute']}`);
export const date = (at: When, zone: string) => shown(at, zone, (p) => `${p['year']}-${p['month']}-${p['day']}`);
export const monthDay = (at: When, zone: string) => shown(at, zone, (p) => `${p['month']}-${p['day']}`);
export const dateTime = (at: When, zone: string) => shown(at, zone, () => `${date(at, zone)} ${clock(at, zone)}`);

const DAYS: Record<string, string> = {
  Mon: '周一', Tue: '周二', Wed: '周三', Thu: '周四', Fri: '周五', Sat: '周六', Sun: '周日',
};
export const weekday = (at: When, zone: string, lang: Lang) =>
  shown(at, zone, (p) => (lang === 'zh' ? DAYS[p['weekday'] ?? ''] : p['weekday']) ?? '');

/** The time alone if it is today, else with month and day. */
export function since(at: When, now: When, zone: string): string {
  return date(at, zone) === date(now, zone) ? clock(at, zone) : `${monthDay(at, zone)} ${clock(at, zone)}`;
}

/** Two units at most: `2 分 06 秒`, `1 h 15 min`. */
export function duration(millis: number, lang: Lang): string {
  const s = Math.max(0, Math.floor(millis / 1000));
  const [day, hour, minute, second] = lang === 'zh' ? ['天', '小时', '分', '秒'] : ['d', 'h', 'min', 's'];
  const two = (n: number) => String(n).padStart(2, '0');
  if (s < 60) return `${s} ${second}`;
  if (s < 3600) return `${Math.floor(s / 60)} ${minute} ${two(s % 60)} ${second}`;
  if (s < 86400) return `${Math.floor(s / 3600)} ${hour} ${two(Math.floor(s / 60) % 60)} ${minute}`;
  return `${Math.floor(s / 86400)} ${day} ${Math.floor(s / 3600) % 24} ${hour}`;
}

export function age(millis: number, lang: Lang): string {
  const s = Math.max(0, Math.round(millis / 1000));
  const text = s < 60 ? `${s} s` : duration(millis, lang);
  return lang === 'zh' ? `${text} 前` : `${text} ago`;
}
