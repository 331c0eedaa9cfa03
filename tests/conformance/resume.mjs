#!/usr/bin/env node
// The clients of AI SDK 5, 6 and 7 resume a response that was cut, against Gatehouse with the
// simulator:
//
//   node resume.mjs --gatehouse build/bin/gatehouse
//
// A page sends a message and is closed after its first words; the page that opens next, with the
// conversation up to there, must show what a page shows that stayed.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { EXTENSION_HEADERS } from './lib/extension-headers.mjs';

const { gatehouse } = parseArgs({ options: { gatehouse: { type: 'string' } } }).values;
const program = path.resolve(gatehouse);
const CLIENTS = { '5.0.92': 'ai5-oldest', 5: 'ai', 6: 'ai6', 7: 'ai7' };
const TEXT = Array.from({ length: 40 }, (_, i) => `word${i}`).join(' ');

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'resume-'));
const config = path.join(folder, 'gatehouse.yaml');
fs.writeFileSync(config, `
server: { listen: "127.0.0.1:0" }
pipeline:
  - cors
  - extension-auth
  - chat: { resume: 1m }
  - simulator: { word_delay: 10ms, intended: true }
`);

async function serve() {
  const child = spawn(program, ['serve', config], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const record = JSON.parse(line);
    if (record.message === 'listening') {
      child.stdout.resume();
      return { child, origin: `http://${record.address}` };
    }
  }
  throw new Error('the gateway has not started');
}

class State {
  status = 'ready';
  error = undefined;
  constructor(messages) { this.messages = messages; }
  pushMessage = message => { this.messages = [...this.messages, message]; };
  popMessage = () => { this.messages = this.messages.slice(0, -1); };
  replaceMessage = (index, message) => { this.messages = this.messages.with(index, message); };
  snapshot = value => structuredClone(value);
}

/// A page of the chat `id`, whose useChat has this engine. `requests`: what it has sent.
function open({ AbstractChat, DefaultChatTransport }, origin, id, messages = []) {
  const page = { requests: [], errors: [], close: new AbortController() };
  class Chat extends AbstractChat {}
  const cut = async (url, init) => {
    page.requests.push(`${init.method} ${new URL(url).pathname}`);
    return fetch(url, { ...init, signal: page.close.signal });
  };
  const transport = new DefaultChatTransport({
    api: `${origin}/api/chat`, headers: EXTENSION_HEADERS, fetch: cut,
  });
  page.chat = new Chat({
    id, transport, state: new State(messages), onError: e => page.errors.push(e.message),
  });
  return page;
}

function shown(page) {
  const { role, parts } = page.chat.messages.at(-1);
  return { role, parts };
}

/// Until the page shows some of the response.
async function begins({ chat }) {
  const has = () => chat.lastMessage?.role === 'assistant' &&
    chat.lastMessage.parts.some(part => part.text?.includes('You said'));
  for (let i = 0; i < 2000 && !has(); ++i) await new Promise(done => setTimeout(done, 1));
  assert.ok(has(), 'the page shows nothing');
}

/// Closes the page once it shows some of the response.
async function closeEarly(page) {
  const sent = page.chat.sendMessage({ text: TEXT });
  await begins(page);
  page.close.abort();
  await sent;
}

const { child, origin } = await serve();
let passed = 0, failed = 0;

async function test(name, run) {
  try {
    await run();
    ++passed;
    console.log(`ok   ${name}`);
  } catch (error) {
    ++failed;
    console.log(`FAIL ${name}\n  ${error.message.replaceAll('\n', '\n  ')}`);
  }
}

for (const [version, name] of Object.entries(CLIENTS)) {
  const client = await import(name);
  const stayed = open(client, origin, `stayed-${version}`);
  await stayed.chat.sendMessage({ text: TEXT });
  const id = `chat ${version}`;

  await test(`client ${version}: a page that opens again shows the whole response`, async () => {
    const closed = open(client, origin, id);
    await closeEarly(closed);
    const next = open(client, origin, id, [closed.chat.messages[0]]);
    await next.chat.resumeStream();
    assert.deepEqual(shown(next), shown(stayed));
    assert.equal(next.chat.status, 'ready');
    assert.deepEqual(next.errors, []);
    assert.match(next.requests[0], /^GET \/api\/chat\/chat%20.*\/stream$/);
  });

  await test(`client ${version}: a page that has received it resumes nothing`, async () => {
    const next = open(client, origin, id, stayed.chat.messages);
    await next.chat.resumeStream();
    assert.deepEqual(shown(next), shown(stayed));
    assert.deepEqual(next.errors, []);
  });

  await test(`client ${version}: a page that follows shows a stop as it is`, async () => {
    const closed = open(client, origin, id);
    await closeEarly(closed);
    const next = open(client, origin, id, [closed.chat.messages[0]]);
    const resumed = next.chat.resumeStream();
    await begins(next);
    await fetch(`${origin}/api/chat/${encodeURIComponent(id)}/stream`,
      { method: 'DELETE', headers: EXTENSION_HEADERS });
    await resumed;
    const text = page => shown(page).parts.map(part => part.text ?? '').join('');
    assert.ok(text(stayed).startsWith(text(next)) && text(next) !== text(stayed), text(next));
    assert.deepEqual(next.errors, []);
    assert.equal(next.chat.status, 'ready');
  });
}

child.kill('SIGTERM');
const [status] = await once(child, 'exit');
await test('the gateway ends', () => assert.equal(status, 0));
fs.rmSync(folder, { recursive: true });
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
