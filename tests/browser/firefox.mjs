// Visits a page in Firefox, over WebDriver BiDi, and does there what the test asks: [name, ...arguments] a line on standard input.
import puppeteer from 'puppeteer-core';
import { createInterface } from 'node:readline';

const browser = await puppeteer.launch({ browser: 'firefox', executablePath: process.argv[2], headless: true });
const page = await browser.newPage();
await page.setViewport({ width: 1280, height: 800 });
const acts = {
  goto: (url) => page.goto(url),
  click: (selector) => page.click(selector),
  type: (selector, text) => page.type(selector, text),
  move: (x, y) => page.mouse.move(x, y),
  wait: (ms) => new Promise((done) => setTimeout(done, ms)),
  evaluate: (script) => page.evaluate(script),
  until: (script) => page.waitForFunction(script, { polling: 50 }),
  close: () => page.close(),
};
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...given] = JSON.parse(line);
  try {
    console.log(JSON.stringify({ value: (await acts[name](...given)) ?? null }, (key, value) => (key === '' || key === 'value' || typeof value !== 'object' ? value : String(value))));
  } catch (fault) {
    console.log(JSON.stringify({ fault: String(fault) }));
  }
}
await browser.close();
