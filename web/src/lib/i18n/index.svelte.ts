// The page's language: chosen by the person, else the browser's, else Chinese.
import type { Texts } from '../api';
import type { Lang } from '../format';
import { recall, remember } from '../storage';
import { en } from './en';
import { zh } from './zh';

export type Key = keyof typeof zh;

const stored = recall('lang');
const browser: Lang = /^en/i.test(globalThis.navigator?.language ?? '') ? 'en' : 'zh';
let lang = $state<Lang>(stored === 'zh' || stored === 'en' ? stored : browser);

export const i18n = {
  get lang() { return lang; },
  set lang(next: Lang) {
    lang = next;
    remember('lang', next);
  },
};

/** The text of `key` with `{name}` filled in. */
export function t(key: Key, params: Record<string, string | number> = {}): string {
  return (lang === 'zh' ? zh : en)[key].replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

/** A text of the plant in the page's language. */
export const say = (texts: Texts) => texts[lang] || texts.zh || texts.en;

export const known = (key: string): key is Key => key in zh;
