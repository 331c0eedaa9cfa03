// What a test has: a gateway with the console, and clients that put it under load.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

import {root} from '../pages/clients.mjs';
import {Play} from '../pages/play.mjs';

export const TOKEN = 'test-admin-token-5c1d';
const EXTENSION = 'abcdefghijklmnopabcdefghijklmnop';

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

export class Operator extends Play {
  // ---- The gateway

  configure(pipeline) {
    const config = {
      server: {listen: '127.0.0.1:0'},
      admin: {listen: '127.0.0.1:0', token: TOKEN},
      pipeline
    };
    const file = path.join(this.folder, 'gatehouse.yaml');
    fs.writeFileSync(file, JSON.stringify(config, null, 1));
    return file;
  }

  async serve(pipeline = SIMULATED) {
    const {address, admin} = await this.start(this.configure(pipeline));
    this.origin = `http://${address}`;
    this.admin = `http://${admin}`;
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
    this.helpers.push({stop: () => server.close()});
    return `http://127.0.0.1:${server.address().port}/v1`;
  }

  get(route, headers = {}) {
    return fetch(this.admin + route, {headers: {Authorization: `Bearer ${TOKEN}`, ...headers}});
  }

  chat(text = 'Hi', headers = {}) {
    const body = {messages: [{id: '1', role: 'user', parts: [{type: 'text', text}]}]};
    return fetch(`${this.origin}/api/chat`, {
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

  /// A tab in which nothing may violate the page's policy.
  async tab() {
    if (!this.browser) await this.browse();
    const tab = await super.tab();
    await tab.setViewportSize({width: 1600, height: 1000});
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
    const tab = await this.tab();
    await tab.goto(this.admin + view);
    if (await tab.getByLabel('Admin token').count()) await this.logIn(tab);
    await tab.locator('#facts dd').first().waitFor();
    return tab;
  }
}
