// A browser that does what it is told: a JSON command a line on stdin, a JSON answer a line on stdout.
// Knows nothing of the extension. Usage: node browser.mjs DIRECTORY_OF_NODE_MODULES CHROMIUM

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [modules, executablePath] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)('playwright-core');

const browser = await chromium.launch({
  executablePath,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
const page = await browser.newPage({ viewport: { width: 1200, height: 720 } });
// A page that asks whether to leave would otherwise stay for ever.
page.on('dialog', (dialog) => dialog.accept());

const commands = {
  goto: (url) => page.goto(url, { waitUntil: 'domcontentloaded', timeout: 180_000 }).then(() => null),
  press: (key) => page.keyboard.press(key),
  type: (text, delay) => page.keyboard.type(text, { delay: delay ?? 20 }),
  insert: (text) => page.keyboard.insertText(text),
  click: (selector) => page.locator(selector).first().click({ timeout: 60_000 }),
  hover: (selector) => page.locator(selector).first().hover({ timeout: 60_000 }),
  texts: (selector) => page.locator(selector).allInnerTexts(),
  // Monaco shows blanks as no-break spaces.
  content: (selector) =>
    page.evaluate(
      (wanted) => [...document.querySelectorAll(wanted)].map((found) => found.textContent.replaceAll('\u00a0', ' ')),
      selector,
    ),
  frames: async () => {
    const found = [];
    for (const frame of page.frames()) {
      found.push(await frame.evaluate(() => document.body?.innerText ?? '').catch(() => ''));
    }
    return found;
  },
  // The file whose editor has the keyboard.
  focus: () => page.evaluate(() => document.activeElement?.closest('[data-uri]')?.dataset.uri ?? ''),
  visible: (selector) => page.locator(selector).first().isVisible(),
  box: (selector) => page.locator(selector).first().boundingBox(),
  screenshot: (path, clip) => page.screenshot({ path, ...(clip ? { clip } : {}) }).then(() => null),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...args] = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await commands[name](...args)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
