import { render } from 'svelte/server';
import { afterEach, expect, test } from 'vitest';
import type { Guidance } from '../lib/api';
import { i18n } from '../lib/i18n/index.svelte';
import GuidanceText from './GuidanceText.svelte';

const guidance: Guidance = {
  message: { zh: '水位 -90 mm，低于 -75', en: 'Level -90 mm, below -75' },
  consequence: { zh: '干烧、爆管', en: 'dry firing, tube burst' },
  response: { zh: '立即停火', en: 'stop firing' },
  response_time_s: 90,
};

/** What a reader sees. */
const shown = (props: { guidance: Guidance | undefined; brief?: boolean }) =>
  render(GuidanceText, { props }).body.replace(/<!--.*?-->/g, '').replace(/<[^>]+>/g, ' ').replace(/&nbsp;|\s+/g, ' ').trim();

afterEach(() => { i18n.lang = 'zh'; });

test('an alarm tells message, response with its time, and consequence in the language of the page', () => {
  i18n.lang = 'zh';
  expect(shown({ guidance })).toBe('水位 -90 mm，低于 -75 处置： 立即停火 (1 分 30 秒内) 后果： 干烧、爆管');
  i18n.lang = 'en';
  expect(shown({ guidance })).toBe('Level -90 mm, below -75 Do: stop firing (within 1 min 30 s) Else: dry firing, tube burst');
});

test('in brief there is no consequence, and what the settings do not tell is not shown', () => {
  i18n.lang = 'en';
  expect(shown({ guidance, brief: true })).not.toContain('dry firing');
  expect(shown({ guidance: { ...guidance, message: null, consequence: null, response_time_s: null } })).toBe('Do: stop firing');
  expect(shown({ guidance: undefined })).toBe('');
});
