// What a test has: a gateway, and Chromium with a client of it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import { root } from './clients.mjs';

const PATIENCE_MS = 30_000;  // generous: Chromium on a busy machine
const FLAGS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-sync'];

export class Play {
  constructor(gatehouse) {
    this.gatehouse = gatehouse;
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pages-'));
    this.log = [];
    this.errors = [];
    this.gateways = [];
    this.helpers = [];  // what else stop() stops
  }

  /// A client in which the addresses that it knows, those of `places`, lead to what this test has
  /// started, with the extension in `folder`. Resolves to where a page of that extension is.
  async browseWith(folder, places = {}) {
    const clickable = '--enable-unsafe-extension-debugging';  // for clickIcon
    await this.browse(places, `--disable-extensions-except=${folder}`, `--load-extension=${folder}`,
      clickable);
    const [worker = await this.browser.waitForEvent('serviceworker')] = this.browser.serviceWorkers();
    return page => new URL(page, worker.url()).href;
  }

  /// Clicks the icon of the extension that `url` belongs to; the side panel with this page must open.
  async clickIcon(url) {
    const cdp = await this.browser.browser().newBrowserCDPSession();
    const targets = async type => (await cdp.send('Target.getTargets', { filter: [{ type }] })).targetInfos;
    const shown = async () => (await targets('page')).filter(page => page.url === url).length;
    const before = await shown();
    const [tab] = await targets('tab');
    await cdp.send('Extensions.triggerAction', { id: new URL(url).host, targetId: tab.targetId });
    await eventually(async () => (await shown()) > before, () => 'no side panel opens');
  }

  /// Starts a gateway; resolves to its address. `this.address` is that of the first.
  async serve(config) {
    const folder = fs.mkdtempSync(path.join(this.folder, 'gateway-'));
    // etc/gatehouse.yaml names it.
    fs.copyFileSync(path.join(root, 'etc/workflows.yaml'), path.join(folder, 'workflows.yaml'));
    const file = path.join(folder, 'gatehouse.yaml');
    fs.writeFileSync(file, onAnyPort(config));
    return (await this.start(file)).address;
  }

  /// Starts a gateway with this configuration; resolves to its log entry of where it listens.
  async start(file) {
    const { GEMINI_API_KEY, ...env } = process.env;  // without it the simulator answers
    const gateway = spawn(this.gatehouse, ['serve', file], { env, cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(gateway, 'exit');
    this.gateways.push({ gateway, ended });
    const log = createInterface({ input: gateway.stdout }).on('line', line => this.log.push(JSON.parse(line)));
    const listening = new Promise(resolve => {
      log.on('line', line => line.includes('"listening"') && resolve(JSON.parse(line)));
    });
    const entry = await Promise.race([listening, ended.then(() => ({}))]);
    assert.ok(entry.address, 'the gateway does not start');
    this.address ??= entry.address;
    return entry;
  }

  /// Chromium, in which the addresses that the guide names lead to what this test has started.
  async browse(places = {}, ...flags) {
    const rules = Object.entries({ '127.0.0.1:3000': this.address, ...places }).map(([from, to]) => `MAP ${from} ${to}`);
    this.browser = await chromium.launchPersistentContext(path.join(this.folder, 'profile'), {
      executablePath: '/usr/bin/chromium',
      headless: false,  // FLAGS say it
      ignoreDefaultArgs: ['--disable-extensions'],
      args: [...FLAGS, `--host-resolver-rules=${rules}`, ...flags],
    });
    this.browser.setDefaultTimeout(PATIENCE_MS);
  }

  /// A tab whose errors fail the test.
  async tab() {
    const tab = await this.browser.newPage();
    tab.on('pageerror', error => this.errors.push(error));
    return tab;
  }

  async open(url, place = 'main') {
    const tab = await this.tab();
    await tab.addInitScript(() => {
      window.seen = new Set();
      const look = () => window.seen.add(document.body?.innerText);
      new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
    });
    await tab.goto(url);
    return new Client(tab, place);
  }

  /// The first entry of the log that passes `test`, once it is there.
  logged(test) {
    const log = () => this.log.map(entry => JSON.stringify(entry)).join('\n');
    return eventually(() => this.log.find(test), () => `the log has no entry for ${test}:\n${log()}`);
  }

  async stop() {
    await this.browser?.close();
    for (const helper of this.helpers) helper.stop();
    for (const { gateway, ended } of this.gateways) {
      gateway.kill('SIGTERM');
      const [status] = await ended;
      if (status !== 0) this.errors.push(new Error(`the gateway ended with ${status}`));
    }
    // Processes of Chromium write for some moments after it has closed.
    fs.rmSync(this.folder, { recursive: true, maxRetries: 10 });
    if (this.errors.length) throw this.errors[0];
  }
}

/// A chat on the screen, in the element that the selector `place` finds.
class Client {
  constructor(tab, place) {
    this.tab = tab;
    this.place = place;
  }

  async ask(text) {
    await this.tab.getByPlaceholder('Ask').fill(text);
    await this.tab.getByPlaceholder('Ask').press('Enter');
  }

  choose(button) {
    return this.tab.getByRole('button', { name: button }).click();
  }

  async shows(text) {
    const visible = () => textOf(this.tab.locator(this.place));
    const complaint = async () => `the page does not show "${text}" but:\n${await visible()}`;
    await eventually(async () => (await visible()).includes(text), complaint);
  }

  alert() {
    return textOf(this.tab.getByRole('alert'));
  }

  /// How many different states of the page there were.
  seen() {
    return this.tab.evaluate(() => window.seen.size);
  }
}

function onAnyPort(config) {
  if (config.includes('listen:')) return config.replace('127.0.0.1:3000', '127.0.0.1:0');
  return `server: { listen: "127.0.0.1:0" }\n${config}`;
}

/// As people read it: without empty lines, which are layout.
async function textOf(locator) {
  return (await locator.innerText()).replace(/\n+/g, '\n');
}

export async function eventually(test, complaint) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 20))) {
    const result = await test();
    if (result) return result;
  }
  throw new Error(await complaint());
}
