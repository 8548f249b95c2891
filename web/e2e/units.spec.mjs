// A point whose unit and then whose scale is changed by reload, in a real browser:
// node e2e/units.spec.mjs BASE_URL PROFILE_FILE. The gateway has a push source with the equipment `v` and its point `p`
// by that profile, in MPa with hh at 1.5; this writes the profile anew and pushes the readings.
import { writeFileSync } from 'node:fs';
import { check, end, expect, launch, until } from './kit.mjs';

const [base, profile] = process.argv.slice(2);
if (!base || !profile) {
  console.error('usage: node e2e/units.spec.mjs BASE_URL PROFILE_FILE');
  process.exit(2);
}

const api = async (path, body) => {
  const response = await fetch(new URL(`api/v1/${path}`, base), body && {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  });
  expect(response.ok, `${path} answers ${response.status}`);
  return response.json();
};
const settings = (unit, trip, more = '') => writeFileSync(profile,
  `kind = "pressure-vessel"\n[[point]]\nid = "p"\nname = "压力"\nunit = "${unit}"\n${more}\n[point.limits]\nhh = { at = ${trip}, priority = "critical", hazard = "major" }\n`);

/** What the device says, again and again. */
let value = 1.0;
const pushing = setInterval(() => { if (value !== null) void api('readings', { device: 'v', values: { p: value } }).catch(() => {}); }, 300);

const browser = await launch();
const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'zh-CN', reducedMotion: 'reduce' })).newPage();
await page.goto(base);
const charts = page.locator('[data-chart="p"]');
const unit = (n) => charts.nth(n).locator('[data-unit]').getAttribute('data-unit', { timeout: 2000 }).catch(() => null);
const go = (hash) => page.evaluate((h) => { location.hash = h; }, hash);
const open = () => api('hazards').then(({ hazards }) => hazards[0]);
const raised = [];

async function breach(normal, high) {
  value = high;
  const hazard = await until(open, 20, 'no hazard');
  raised.push(hazard.id);
  value = normal;
  await until(async () => !(await api('alarms')).some((a) => a.active), 20, 'the breach does not end');
  const path = `hazards/${hazard.id}`;
  await api(`${path}/acknowledge`, { by: '周敏' });
  await api(`${path}/close`, { by: '周敏', note: '已处理' });
}

await check('a curve has its unit at the axis', async () => {
  await go('#/equipment/v');
  await until(async () => await unit(0) === 'MPa', 30, 'the axis has no MPa');
  await breach(1.0, 1.6);
});

await check('an open page takes the new unit with the new settings, and no value stands in a wrong one', async () => {
  await page.evaluate(() => {
    window.wrong = [];
    new MutationObserver(() => {
      const found = document.querySelector('#main')?.innerText.match(/\b10\.0\d* MPa|\b1\.00* bar/);
      if (found) window.wrong.push(found[0]);
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  settings('bar', '15');
  const pause = value;
  value = null;
  await api('reload', {});
  value = pause * 10;
  await until(async () => await unit(0) === 'bar', 15, 'the axis has no bar');
  await until(async () => (await charts.first().innerText()).includes('bar'), 15, 'no value in bar');
  const wrong = await page.evaluate(() => window.wrong);
  expect(wrong.length === 0, `shown: ${wrong[0]}`);
});

await check('it says until when the point was kept in the unit of before, in both languages, with its own chart', async () => {
  const note = page.locator('[data-older="MPa"]');
  await until(async () => await note.count() === 1, 15, 'nothing is said of MPa');
  expect(/\d\d:\d\d:\d\d 以前以 MPa 保存/.test(await note.innerText()), await note.innerText());
  expect(await charts.count() === 1, 'the older curve is open before it was asked for');
  await note.locator('button').click();
  await until(async () => await charts.count() === 2 && await unit(1) === 'MPa', 10, 'the older curve has no chart');
  expect(await unit(0) === 'bar', 'the curve of now changed its unit');
  await page.locator('header .lang').click();
  expect((await note.innerText()).includes('it was kept in MPa'), await note.innerText());
  await page.locator('header .lang').click();
});

await check('a point that is read otherwise in the same unit has a mark at its instant, with both ways', async () => {
  settings('bar', '15', 'scale = 0.5');
  await api('reload', {});
  value = 20;
  const note = page.locator('[data-read-otherwise="p"]');
  await until(async () => await note.count() === 1, 15, 'nothing is said of it');
  const text = await note.innerText();
  expect(text.includes('起读法改变') && text.includes('× 0.5'), text);
  await charts.first().locator('[data-turn]').waitFor({ timeout: 5000 });
});

await check('a hazard of before keeps its unit and its setpoint, one of after takes the new ones', async () => {
  await breach(20, 40);
  for (const [n, of, setpoint] of [[0, 'MPa', 'HH 1.5'], [1, 'bar', 'HH 15']]) {
    await go(`#/hazards/${raised[n]}`);
    await page.locator(`[data-hazard-detail="${raised[n]}"]`).waitFor({ timeout: 10_000 });
    await until(async () => await unit(0) === of, 20, `the chart of hazard ${n + 1} is not in ${of}`);
    const right = await charts.first().locator('.yr').innerText();
    expect(right.includes(setpoint), `hazard ${n + 1}: ${right}`);
  }
  await go(`#/hazards/${raised[0]}`);
  await page.locator('[data-recorded-unit="MPa"]').waitFor({ timeout: 10_000 });
  const facts = await page.locator('.meta').innerText();
  expect(/1\.600 MPa/.test(facts) && /≥ 1\.500 MPa/.test(facts), facts.replaceAll('\n', ' '));
});

clearInterval(pushing);
await end(browser);
