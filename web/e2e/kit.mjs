// What the browser checks share: a Chromium, checks that are told a line each, and waiting for what is expected.
import { chromium } from 'playwright-core';

let failures = 0;
export const failed = () => failures;

export async function check(name, run) {
  const started = Date.now();
  try {
    await run();
    console.log(`ok    ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL  ${name}: ${String(error?.message ?? error).split('\n')[0]}`);
  }
}

export function expect(condition, message) {
  if (!condition) throw new Error(message);
}

/** Polls until `probe` gives something truthy. */
export async function until(probe, seconds, message) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
    const found = await probe();
    if (found) return found;
    await new Promise((done) => setTimeout(done, 250));
  }
  throw new Error(`${message} within ${seconds} s`);
}

/** CHROMIUM names another browser binary. */
export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
});

/** Closes the browser, says how it went, and ends. */
export async function end(browser) {
  await browser.close();
  console.log(failures ? `${failures} failed` : 'all passed');
  process.exit(failures ? 1 : 0);
}
