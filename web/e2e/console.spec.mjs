// Drives a real browser against a running demo gateway: node e2e/console.spec.mjs BASE_URL [--screenshots DIR]
// Prints one line a check; exit code 1 if any failed. CHROMIUM names another browser binary.
import { mkdirSync } from 'node:fs';
import { check, end, expect, failed, launch, until } from './kit.mjs';

const [base, ...options] = process.argv.slice(2);
if (!base) {
  console.error('usage: node e2e/console.spec.mjs BASE_URL [--screenshots DIR]');
  process.exit(2);
}
const at = options.indexOf('--screenshots');
const shots = at >= 0 ? options[at + 1] : null;
if (shots) mkdirSync(shots, { recursive: true });

const origin = new URL(base).origin;
const PERSON = '周敏';
const PAGES = ['#/', '#/equipment', '#/alarms', '#/hazards', '#/path'];
const complaints = [];

const browser = await launch();

async function open(width, height) {
  const context = await browser.newContext({ viewport: { width, height }, locale: 'zh-CN', reducedMotion: 'reduce', colorScheme: 'light' });
  const page = await context.newPage();
  page.on('console', (m) => {
    // A gateway without frame recording says so with 404; the page then leaves the control out.
    if (m.type() === 'error' && /\/sources\/[^/]+\/trace$/.test(m.location().url) && m.text().includes('404')) return;
    if (m.type() === 'error') complaints.push(`console: ${m.text()} ${m.location().url}`);
  });
  page.on('pageerror', (e) => complaints.push(`exception: ${e.message}`));
  page.on('request', (r) => {
    if (!r.url().startsWith(origin) && !r.url().startsWith('data:')) complaints.push(`request to another origin: ${r.url()}`);
  });
  await page.goto(base);
  return page;
}

const api = async (path, body) => {
  const response = await fetch(new URL(`api/v1/${path}`, base), body && {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  });
  expect(response.ok, `${path} answers ${response.status}`);
  return response.json();
};

async function go(page, hash) {
  await page.evaluate((h) => { location.hash = h; }, hash);
  await page.waitForTimeout(400);
}

const picture = (page, name, fullPage = false) => shots && page.screenshot({ path: `${shots}/${name}.png`, fullPage });

const page = await open(1440, 900);
let fault;

await check('the overview shows both pieces of equipment', async () => {
  const { equipment } = await api('overview');
  expect(equipment.length >= 2, `the demo has ${equipment.length} pieces of equipment`);
  for (const { id, name } of equipment) {
    const card = page.locator(`[data-equipment="${id}"]`);
    await card.waitFor({ timeout: 15_000 });
    expect((await card.innerText()).includes(name.zh), `the card of ${id} does not say ${name.zh}`);
    const good = await until(() => card.locator('[data-look="ok"]').count(), 30, `${id} shows no live value`);
    expect(good > 0, 'no value');
  }
});

if (failed() > 0) {
  console.log('the page does not work at all; the other checks were left out');
  await browser.close();
  process.exit(1);
}

await check('values change while one looks', async () => {
  const values = () => page.locator('[data-equipment] [data-look]').allInnerTexts();
  const first = (await values()).join();
  await until(async () => (await values()).join() !== first, 30, 'no value changed');
});

await check('the language changes and is remembered', async () => {
  const nav = page.locator('header nav');
  expect((await nav.innerText()).includes('总览'), 'the page does not begin in Chinese');
  await page.locator('header .lang').click();
  expect((await nav.innerText()).includes('Overview'), 'the labels are not English');
  expect(await page.evaluate(() => document.documentElement.lang) === 'en', 'the document does not say it is English');
  await page.reload();
  await page.locator('[data-equipment]').first().waitFor();
  expect((await nav.innerText()).includes('Overview'), 'the language was forgotten');
  await page.locator('header .lang').click();
  expect((await nav.innerText()).includes('总览'), 'it does not change back');
});

await check('the demo offers faults; one is turned on', async () => {
  const faults = await api('demo/faults');
  fault = (faults.find((f) => f.name === 'low-water') ?? faults[0])?.name;
  expect(fault, 'the demo has no faults');
  await page.locator('[aria-controls="faults"]').click();
  const knob = page.locator(`[data-fault="${fault}"]`);
  await knob.waitFor({ timeout: 5000 });
  if (await knob.getAttribute('aria-checked') !== 'true') await knob.click();
  await until(async () => await knob.getAttribute('aria-checked') === 'true', 10, `${fault} did not turn on`);
  await page.keyboard.press('Escape');
});

await check('the alarm strip appears', async () => {
  await page.locator('section.strip[data-rule] button').waitFor({ timeout: 90_000 });
});

await check('a hazard appears in the list', async () => {
  await page.locator('[data-hazard]').first().waitFor({ timeout: 90_000 });
  await page.waitForTimeout(1500);
  await picture(page, 'overview-zh');
  await page.locator('header .lang').click();
  await page.waitForTimeout(300);
  await picture(page, 'overview-en');
  await page.locator('header .lang').click();
});

await check('an alarm is acknowledged through the page', async () => {
  await page.locator('section.strip[data-rule] button').click();
  const rule = await page.locator('dialog[open] form').getAttribute('data-subject');
  await page.locator('dialog[open] input[name="by"]').fill('');
  await page.locator('dialog[open] button.main').click();
  await until(async () => (await page.locator('dialog[open] [role="alert"]').innerText()) !== '', 5, 'a missing name is not refused');
  await page.locator('dialog[open] input[name="by"]').fill(PERSON);
  await page.locator('dialog[open] textarea[name="note"]').fill('已到现场');
  await page.locator('dialog[open] button.main').click();
  await page.locator('dialog[open]').waitFor({ state: 'detached', timeout: 10_000 });
  await until(async () => {
    const alarm = (await api('alarms')).find((a) => a.rule === rule);
    return !alarm || alarm.acknowledged_by === PERSON;
  }, 10, `${rule} is not acknowledged`);
});

await check('the hazard page draws the evidence curve', async () => {
  await page.locator('[data-hazard]').first().click();
  await page.locator('[data-hazard-detail]').waitFor({ timeout: 10_000 });
  const canvas = page.locator('[data-chart] canvas').first();
  await canvas.waitFor({ timeout: 20_000 });
  const colours = await until(() => canvas.evaluate((element) => {
    const { data } = element.getContext('2d').getImageData(0, 0, element.width, element.height);
    const seen = new Set();
    for (let i = 0; i < data.length; i += 16) if (data[i + 3] > 0) seen.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
    return seen.size > 3 ? seen.size : 0;
  }), 20, 'the canvas is empty');
  expect(colours > 3, 'the canvas has one colour');
});

await check('the hazard page shows a delivery receipt', async () => {
  await page.locator('[data-receipts] [data-delivery="delivered"]').first().waitFor({ timeout: 60_000 });
  await picture(page, 'hazard-zh');
});

await check('keyboard: g a opens the alarms, ? the help', async () => {
  await page.keyboard.press('g');
  await page.keyboard.press('a');
  await until(() => page.evaluate(() => location.hash === '#/alarms'), 5, 'g a went nowhere');
  await page.locator('main table').first().waitFor({ timeout: 10_000 });
  // The figures stand below, for the span that is chosen.
  const figures = page.locator('section[aria-labelledby="figures"]');
  await figures.locator('[aria-pressed="true"]').waitFor({ timeout: 10_000 });
  await figures.getByRole('button', { name: '7', exact: false }).first().click();
  await until(async () => (await figures.innerText()).includes('≤ 150'), 10, 'there are no alarm figures');
  await page.keyboard.press('?');
  await page.locator('dialog[open] kbd').first().waitFor({ timeout: 5000 });
  await page.keyboard.press('Escape');
});

const { sources } = (await api('overview')).path;
const modbus = sources.find((s) => s.kind === 'modbus');
const mqtt = sources.find((s) => s.kind === 'mqtt');

await check('the data path opens a source to its devices, with the keyboard', async () => {
  expect(modbus?.devices.length > 0, 'the demo has no Modbus device');
  await go(page, '#/path');
  const knob = page.locator(`[data-source="${modbus.id}"] button[aria-expanded]`);
  await knob.waitFor({ timeout: 10_000 });
  await knob.focus();
  await page.keyboard.press('Enter');
  const devices = page.locator(`[data-devices="${modbus.id}"] [data-device]`);
  await until(async () => await devices.count() === modbus.devices.length, 5, 'the devices are not there');
  expect(await knob.getAttribute('aria-expanded') === 'true', 'it does not say that it is open');
  for (const { label } of modbus.devices) {
    const row = page.locator(`[data-device="${label}"]`);
    await until(async () => await row.getAttribute('data-state') === 'reading' && (await row.innerText()).includes('读取正常'), 30, `${label} is not said to be read`);
    expect(/\d %/.test(await row.innerText()), `${label} has no success ratio`);
    expect(/\d ms/.test(await row.innerText()), `${label} has no round trip`);
  }
  expect(await page.locator('[data-count="crc_errors"]').count() > 0, 'there are no line counters');
  await picture(page, 'path-zh', true);
  await page.keyboard.press('Space');
  await until(async () => await devices.count() === 0, 5, 'it does not close');
});

await check('the data path tells what MQTT names nobody configured', async () => {
  expect(mqtt, 'the demo has no MQTT source');
  await page.locator(`[data-source="${mqtt.id}"] button[aria-expanded]`).click();
  const names = page.locator('[data-unknown]');
  await names.waitFor({ timeout: 10_000 });
  expect((await names.innerText()).includes('未配置的名称') || (await names.innerText()).includes('都已配置'), 'it says nothing about them');
});

for (const [width, height] of [[390, 844], [360, 740], [768, 1024], [1440, 900]]) {
  await check(`nothing scrolls sideways at ${width} px`, async () => {
    const narrow = await open(width, height);
    await narrow.locator('[data-equipment]').first().waitFor({ timeout: 15_000 });
    await narrow.waitForTimeout(1200);
    if (width === 390) await picture(narrow, 'phone-zh');
    const hazard = await narrow.locator('[data-hazard]').first().getAttribute('data-hazard');
    for (const language of ['zh', 'en']) {
      for (const hash of [...PAGES, `#/hazards/${hazard}`, ...sources.map((s) => `#/path/${encodeURIComponent(s.id)}`)]) {
        await go(narrow, hash);
        const wide = await narrow.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect(wide <= 0, `${hash} in ${language} is ${wide} px too wide`);
      }
      await narrow.locator('header .lang').click();
    }
    await narrow.context().close();
  });
}

await check('a silent device is said to be in trouble, and recovers', async () => {
  const dead = (await api('demo/faults')).find((f) => f.name === 'device-dead');
  expect(dead, 'the demo has no silent device to offer');
  await go(page, '#/path');
  const source = page.locator(`[data-source="${modbus.id}"]`);
  if (await source.locator('button').getAttribute('aria-expanded') !== 'true') await source.locator('button').click();
  await api('demo/faults/device-dead', { active: true });
  const rows = page.locator(`[data-devices="${modbus.id}"] [data-device]`);
  try {
    const bad = /^(failing|resting|disconnected)$/;
    await until(async () => (await rows.evaluateAll((all) => all.map((r) => r.dataset.state))).some((state) => bad.test(state)), 60, 'no device is in trouble');
    await until(async () => (await source.innerText()).includes('异常') || (await source.innerText()).includes('断开'), 10, 'the source says nothing of it');
    await picture(page, 'path-trouble-zh', true);
  } finally {
    await api('demo/faults/device-dead', { active: false });
  }
  await until(async () => (await rows.evaluateAll((all) => all.every((r) => r.dataset.state === 'reading'))), 120, 'the device is not read again');
});

await check('the fault is turned off again', async () => {
  await api(`demo/faults/${fault}`, { active: false });
});

await check('no console errors, no requests to other origins', async () => {
  expect(complaints.length === 0, complaints.slice(0, 3).join(' | '));
});

await end(browser);
