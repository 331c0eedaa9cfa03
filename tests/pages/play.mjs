// What a test has: a gateway, Chromium, and the clients of docs/first-hour.md in it.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import { defaultConfig, files, makeExtension, root, servePage, writeFiles } from './clients.mjs';

const PATIENCE_MS = 30_000;  // generous: Chromium on a busy machine
const FLAGS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-sync'];

export class Play {
  constructor(gatehouse) {
    this.gatehouse = gatehouse;
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pages-'));
    this.log = [];
    this.errors = [];
    writeFiles(this.folder);
  }

  /// The guide's page at the address that the guide names, or `elsewhere`. Chromium takes one that `isPublic` for a
  /// site of the internet.
  async page({ config = files['page/gatehouse.yaml'], sdk = 7, elsewhere = false, isPublic = false } = {}) {
    await this.serve(config);
    this.pageServer = await servePage(this.folder, sdk);
    const { address } = this.pageServer;
    await this.browse({ 'localhost:5173': address }, ...(isPublic ? [`--ip-address-space-overrides=${address}=public`] : []));
    return this.open(elsewhere ? `http://${address}` : 'http://localhost:5173');
  }

  /// The guide's extension. Its side panel is opened in a tab, where it can be driven.
  async extension({ config = defaultConfig, sdk = 7 } = {}) {
    await this.serve(config);
    const folder = await makeExtension(this.folder, sdk);
    const clickable = '--enable-unsafe-extension-debugging';  // for clickIcon
    await this.browse({}, `--disable-extensions-except=${folder}`, `--load-extension=${folder}`, clickable);
    const [worker = await this.browser.waitForEvent('serviceworker')] = this.browser.serviceWorkers();
    return this.open(new URL('index.html', worker.url()).href);
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

  async serve(config) {
    fs.cpSync(path.join(root, 'etc'), this.folder, { recursive: true });  // etc/gatehouse.yaml names files beside it
    const file = path.join(this.folder, 'gatehouse.yaml');
    fs.writeFileSync(file, onAnyPort(config));
    const { GEMINI_API_KEY, ...env } = process.env;  // without it the simulator answers
    this.gateway = spawn(this.gatehouse, ['serve', file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    this.ended = once(this.gateway, 'exit');
    createInterface({ input: this.gateway.stdout }).on('line', line => this.log.push(JSON.parse(line)));
    this.address = (await this.logged(entry => entry.message === 'listening')).address;
  }

  /// Chromium, in which the addresses that the guide names lead to what this test has started.
  async browse(places, ...flags) {
    const rules = Object.entries({ '127.0.0.1:3000': this.address, ...places }).map(([from, to]) => `MAP ${from} ${to}`);
    this.browser = await chromium.launchPersistentContext(path.join(this.folder, 'profile'), {
      executablePath: '/usr/bin/chromium',
      headless: false,  // FLAGS say it
      ignoreDefaultArgs: ['--disable-extensions'],
      args: [...FLAGS, `--host-resolver-rules=${rules}`, ...flags],
    });
    this.browser.setDefaultTimeout(PATIENCE_MS);
  }

  async open(url) {
    const tab = await this.browser.newPage();
    tab.on('pageerror', error => this.errors.push(error));
    await tab.addInitScript(() => {
      window.seen = new Set();
      const look = () => window.seen.add(document.body.innerText);
      new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
    });
    await tab.goto(url);
    return new Client(tab);
  }

  /// The first entry of the log that passes `test`, once it is there.
  logged(test) {
    const log = () => this.log.map(entry => JSON.stringify(entry)).join('\n');
    return eventually(() => this.log.find(test), () => `the log has no entry for ${test}:\n${log()}`);
  }

  async stop() {
    await this.browser?.close();
    this.pageServer?.stop();
    this.gateway?.kill('SIGTERM');
    const [status] = (await this.ended) ?? [0];
    fs.rmSync(this.folder, { recursive: true });
    if (status !== 0) this.errors.push(new Error(`the gateway ended with ${status}`));
    if (this.errors.length) throw this.errors[0];
  }
}

/// A chat on the screen.
class Client {
  constructor(tab) {
    this.tab = tab;
  }

  async ask(text) {
    await this.tab.getByPlaceholder('Ask').fill(text);
    await this.tab.getByPlaceholder('Ask').press('Enter');
  }

  choose(button) {
    return this.tab.getByRole('button', { name: button }).click();
  }

  async shows(text) {
    const visible = () => this.tab.locator('main').innerText();
    const complaint = async () => `the page does not show "${text}" but:\n${await visible()}`;
    await eventually(async () => (await visible()).includes(text), complaint);
  }

  alert() {
    return this.tab.getByRole('alert').innerText();
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

async function eventually(test, complaint) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 20))) {
    const result = await test();
    if (result) return result;
  }
  throw new Error(await complaint());
}
