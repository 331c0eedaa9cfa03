// What a test has: a gateway with the console, Chromium, and clients that put it under load.
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import {chromium} from 'playwright-core';

export const TOKEN = 'test-admin-token-5c1d';
export const PATIENCE_MS = 30_000;  // generous: Chromium on a busy machine
const FLAGS = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'
];
const EXTENSION = 'abcdefghijklmnopabcdefghijklmnop';
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

export const ARTEFACTS = path.join(root, 'build/console');

/// Pipelines as JSON, which is YAML.
export const SIMULATED = [
  'access-log',
  'console',
  'health',
  'metrics',
  'extension-auth',
  {throttler: {limit: 100000, window: '60s'}},
  {chat: {models: ['*']}},
  {tools: {}},
  {cache: {ttl: '60s'}},
  {mcp: {servers: []}},
  {
    budget: {
      limits: [{ for: 'everyone', per: 'day', tokens: 1000000
      }]
    }
  },
  'retry',
  {simulator: {word_delay: '0ms'}},
];

export class Play {
  constructor(gatehouse) {
    this.gatehouse = gatehouse;
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'console-'));
    this.log = [];
    this.errors = [];
    this.upstreams = [];
  }

  // ---- The gateway

  configure(pipeline, {listen = '127.0.0.1:0', token = TOKEN} = {}) {
    const config = {server: {listen}, admin: {listen: '127.0.0.1:0', token}, pipeline};
    fs.writeFileSync(path.join(this.folder, 'gatehouse.yaml'), JSON.stringify(config, null, 1));
  }

  async serve(pipeline = SIMULATED) {
    this.configure(pipeline);
    this.gateway = spawn(this.gatehouse, ['serve', path.join(this.folder, 'gatehouse.yaml')],
      {stdio: ['ignore', 'pipe', 'inherit']});
    this.ended = once(this.gateway, 'exit');
    createInterface({
      input: this.gateway.stdout
    }).on('line', line => this.log.push(JSON.parse(line)));
    const listening = await eventually(
      () => this.log.find(entry => entry.message === 'listening'), () => 'it does not listen');
    this.address = `http://${listening.address}`;
    this.admin = `http://${listening.admin}`;
  }

  /// An OpenAI that answers with a sentence and 12 tokens, but every tenth request with 429.
  async provider() {
    let requests = 0;
    const server = http.createServer((request, response) => {
      request.resume();
      if (++requests % 10 === 0) {
        response.writeHead(429, {'Content-Type': 'application/json'});
        response.end('{"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}}');
        return;
      }
      response.writeHead(200, {'Content-Type': 'text/event-stream'});
      const base = {id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'gpt-5.2'};
      const send = data => response.write(`data: ${JSON.stringify({...base, ...data})}\n\n`);
      send({choices: [{index: 0, delta: {role: 'assistant', content: 'Hello, '}}]});
      send({choices: [{index: 0, delta: {content: 'operator.'}, finish_reason: 'stop'}]});
      send({choices: [], usage: {prompt_tokens: 9, completion_tokens: 3, total_tokens: 12}});
      response.end('data: [DONE]\n\n');
    });
    await new Promise(resolve => {
      server.listen(0, '127.0.0.1', resolve);
    });
    this.upstreams.push(server);
    return `http://127.0.0.1:${server.address().port}/v1`;
  }

  get(route, headers = {}) {
    return fetch(this.admin + route, {headers: {Authorization: `Bearer ${TOKEN}`, ...headers}});
  }

  chat(text = 'Hi', headers = {}) {
    const body = {messages: [{id: '1', role: 'user', parts: [{type: 'text', text}]}]};
    return fetch(`${this.address}/api/chat`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: {'Content-Type': 'application/json', 'X-Extension-ID': EXTENSION, ...headers},
    }).then(response => response.text());
  }

  /// `count` requests, some at a time.
  async load(count, send, atOnce = 16) {
    let sent = 0;
    await Promise.all(Array.from({length: atOnce}, async () => {
      for (let i = sent++; i < count; i = sent++) await send(i);
    }));
  }

  // ---- Chromium

  async browse() {
    this.browser ??= await chromium.launchPersistentContext(path.join(this.folder, 'profile'), {
      executablePath: '/usr/bin/chromium',
      headless: false,  // FLAGS say it
      args: FLAGS,
    });
    this.browser.setDefaultTimeout(PATIENCE_MS);
    const tab = await this.browser.newPage();
    await tab.setViewportSize({width: 1600, height: 1000});
    tab.on('pageerror', error => this.errors.push(error));
    tab.on('console', message => {
      if (message.text().includes('Content Security Policy'))
        this.errors.push(new Error(message.text()));
    });
    return tab;
  }

  async logIn(tab, token = TOKEN) {
    await tab.getByLabel('Admin token').fill(token);
    await tab.getByRole('button', {name: 'Log in'}).click();
  }

  /// The page, after the login if it is necessary.
  async open(view = '/console/') {
    const tab = await this.browse();
    await tab.goto(this.admin + view);
    if (await tab.getByLabel('Admin token').count()) await this.logIn(tab);
    await tab.locator('#facts dd').first().waitFor();
    return tab;
  }

  async stop() {
    await this.browser?.close();
    this.gateway?.kill('SIGTERM');
    const [status] = (await this.ended) ?? [0];
    for (const server of this.upstreams) server.close();
    fs.rmSync(this.folder, {recursive: true});
    if (status !== 0) this.errors.push(new Error(`the gateway ended with ${status}`));
    if (this.errors.length) throw this.errors[0];
  }
}

/// The first result of `test` that is not falsy, once there is one.
export async function eventually(test, complaint) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end;
       await new Promise(resolve => setTimeout(resolve, 20))) {
    const result = await test();
    if (result) return result;
  }
  throw new Error(await complaint());
}
