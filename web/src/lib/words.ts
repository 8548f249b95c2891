// Words for alarms, limits and values, in the page's language.
import type { Alarm, Equipment, Hazard, LimitKind, Overview, Point } from './api';
import { UNKNOWN, number } from './format';
import { known, say, t } from './i18n/index.svelte';
import type { Meaning } from './meanings';
import { inUnit } from './series';
import { findPoint, isActive } from './state';
import { isHigh } from './zones';

/** `equipment/point.kind` taken apart; for alarms that are gone. */
export function splitRule(rule: string): { equipment: string; point: string; kind: string } {
  const slash = rule.indexOf('/'), dot = rule.lastIndexOf('.');
  return { equipment: rule.slice(0, slash), point: rule.slice(slash + 1, dot), kind: rule.slice(dot + 1) };
}

export function causeText(cause: string | null): string {
  const key = `cause.${cause}`;
  return cause === null ? '' : known(key) ? t(key) : cause;
}

export function kindText(kind: string): string {
  const key = `kind.${kind}`;
  return known(key) ? t(key) : kind;
}

export function equipmentKind(kind: string): string {
  const key = `kind-of.${kind}`;
  return known(key) ? t(key) : kind;
}

export function nameOf(equipment: Equipment[], id: string): string {
  const found = equipment.find((e) => e.id === id);
  return found ? say(found.name) : id === 'gateway' ? t('path.gateway') : id;
}

/** `锅筒水位 低低`: the point and what is wrong with it. */
export function alarmText(equipment: Equipment[], a: { equipment: string; point: string | null; device?: string | null; kind: string }): string {
  const point = findPoint(equipment, a.equipment, a.point);
  const what = point ? say(point.name) : a.point ?? a.device ?? '';
  return `${what} ${kindText(a.kind)}`.trim();
}

/** With the equipment in front. */
export const alarmTitle = (equipment: Equipment[], a: Alarm) =>
  `${nameOf(equipment, a.equipment)} ${alarmText(equipment, a)}`;

/** The same for a rule key. */
export function ruleText(equipment: Equipment[], rule: string): string {
  const { equipment: owner, point, kind } = splitRule(rule);
  return alarmText(equipment, { equipment: owner, point: point.replace(/^device:/, ''), kind });
}

type Shown = Pick<Point, 'unit' | 'decimals' | 'limits'> & Partial<Pick<Point, 'value' | 'label' | 'text' | 'meanings'>>;

/** What a value of the point, the present one or another, stands for; null if it is just a number. */
export function meaning(point: Shown, value: number | null): Meaning | null {
  if (value === null) return null;
  if (value === point.value && (point.label || typeof point.text === 'string')) return { label: point.label ?? null, text: point.text ?? null };
  return point.meanings?.of(value) ?? null;
}

/** Whether the point speaks in words: no scale, no curve. */
export const worded = (point: Point) => !!point.label || point.text !== null || !!point.meanings?.worded;

/** The text, the meaning with its number, words for a switch, digits for anything else. */
export function valueText(point: Shown, value: number | null): string {
  const meant = meaning(point, value);
  if (typeof meant?.text === 'string') return meant.text;
  if (meant?.label) return point.unit === 'bool' ? say(meant.label) : `${say(meant.label)} (${number(value, point.decimals)})`;
  // A number that stands for a text the page has not learned yet.
  if (value !== null && point.meanings?.textual) return UNKNOWN;
  if (point.unit !== 'bool' || value === null) return number(value, point.decimals);
  const limit = point.limits.find((l) => l.kind === 'state');
  if (limit) return t(value === limit.at ? 'bool.active' : 'bool.normal');
  return t(value === 0 ? 'bool.no' : 'bool.yes');
}

export const unitText = (unit: string) => (unit === 'bool' ? '' : unit);

export function withUnit(point: Shown, value: number | null): string {
  const unit = unitText(point.unit);
  return value !== null && unit && !meaning(point, value) ? `${valueText(point, value)} ${unit}` : valueText(point, value);
}

/** A value of the point as it was in `unit`, which may be another than its present one; null: nobody can tell in which, and none is shown. */
export function valueIn(point: Point, unit: string | null | undefined, value: number): string {
  return withUnit(unit === point.unit ? point : inUnit(point, unit ?? '', [value]), value);
}

/** `≤ −75`, `≥ 1.20`, `= 动作`. */
export function limitText(kind: string, at: number | null, point?: Point, unit = ''): string {
  if (at === null) return '';
  if (kind === 'state') return point ? `= ${valueText(point, at)}` : `= ${at}`;
  const text = `${isHigh(kind) ? '≥' : '≤'} ${number(at, point?.decimals ?? 2)}`;
  return unit ? `${text} ${unitText(unit)}` : text;
}

/** Present value of an alarm's point: live if it has one, else what the alarm says; `lost`: nothing is present. */
export function alarmValue(model: Overview, a: Alarm, lost: boolean): string {
  if (lost) return t('value.unknown');
  if (a.kind === 'no_data') return isActive(a) ? t('value.unknown') : '—';
  const point = findPoint(model.equipment, a.equipment, a.point);
  if (!point) return a.value === null ? '' : `${number(a.value, 2)} ${unitText(a.unit)}`;
  if (point.quality === 'bad' || point.quality === 'stale') return t('value.unknown');
  return point.value === null && a.value !== null ? valueIn(point, a.unit, a.value) : withUnit(point, point.value);
}

export function levelText(h: Hazard): string {
  return t(h.level_state === 'proposed' ? `level.${h.level}.proposed` : `level.${h.level}`);
}

export const kindOf = (rule: string) => splitRule(rule).kind as LimitKind | 'no_data';
