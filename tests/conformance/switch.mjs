#!/usr/bin/env node
// Conversations that change their provider in the middle, also between a call and its result,
// played by the real client against the strict mocks of all three services, which reject what the
// services reject.
//   node switch.mjs --target http://127.0.0.1:3000 --spawn "$PWD/start" [--only 'gemini-3.8*']
//                   [--client 5|6|7] [--mock-port 28080] [--mcp-port 28090]
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from './lib/http.mjs';
import { startEnvironment } from './lib/harness.mjs';
import { withSpawnedTarget } from './lib/spawn-target.mjs';
import { playScenario } from './lib/client.mjs';

const args = parseArgs(process.argv.slice(2));
const here = path.dirname(fileURLToPath(import.meta.url));
const DEADLINE_MS = 30000;

const TOOL = {
  name: 'search',
  description: 'Search the web',
  inputSchema: { type: 'object', properties: { q: { type: 'string' } }, required: ['q'] },
};
// What only its own service may get back, byte for byte.
const SECRETS = {
  gemini: ['R2VtaW5pU2lnbmF0dXJl'],
  openai: [],
  anthropic: ['EqQBCkgIARABGAIiQLxYz0123456789abcdef/+Signature==', 'UmVkYWN0ZWRUaG91Z2h0'],
};

const stream = chunks => ({ kind: 'stream', chunks });
const candidate = (parts, more = {}) => ({
  candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP', index: 0 }],
  usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 },
  ...more,
});
const functionCall = (q, more = {}) => ({ functionCall: { name: 'search', args: { q } }, ...more });
const toolCall = (index, id, q) => ({
  $call: { index, id, name: 'search' },
  pieces: [`{"q":"${q}"}`],
});
const toolUse = (id, q) => ({
  $block: { type: 'tool_use', id, name: 'search', input: {} },
  deltas: [`{"q":"${q}"}`],
});

// A step with a thought, a text and two calls, with ids as each service forms them; and a last one.
const STEPS = {
  gemini: {
    calls: (a, b) => stream([candidate([
      { text: 'Hm.', thought: true },
      { text: 'Let me see.' },
      functionCall(a, { thoughtSignature: SECRETS.gemini[0] }),
      functionCall(b),
    ])]),
    last: stream([candidate([{ text: 'Done.' }])]),
  },
  openai: {
    calls: (a, b) => stream([
      { $delta: { role: 'assistant', content: null, reasoning_content: 'Hm.' } },
      { $delta: { content: 'Let me see.' } },
      toolCall(0, `functions.search:${a}`, a),
      toolCall(1, `call_${b}`, b),
      { $finish: 'tool_calls' },
    ]),
    last: stream([{ $delta: { role: 'assistant', content: 'Done.' } }, { $finish: 'stop' }]),
  },
  anthropic: {
    calls: (a, b) => stream([
      { $start: { input_tokens: 10 } },
      {
        $block: { type: 'thinking', thinking: '', signature: '' },
        deltas: ['Hm.'],
        signature: SECRETS.anthropic[0],
      },
      { $block: { type: 'redacted_thinking', data: SECRETS.anthropic[1] } },
      { $block: { type: 'text', text: '' }, deltas: ['Let me see.'] },
      toolUse(`toolu_${a}`, a), toolUse(`toolu_${b}`, b),
      { $stop: 'tool_use', usage: { output_tokens: 5 } },
    ]),
    last: stream([
      { $start: { input_tokens: 10 } },
      { $block: { type: 'text', text: '' }, deltas: ['Done.'] },
      { $stop: 'end_turn', usage: { output_tokens: 5 } },
    ]),
  },
};
const MODELS = {
  'gemini-2.5-flash': 'gemini',
  'gemini-3.8-flash': 'gemini',
  'gpt-4.1-mini': 'openai',
  'claude-haiku-4-5': 'anthropic',
};

// The first model calls tools; the other gets their results and calls some itself; then both in
// turn.
function conversation(first, other) {
  const a = { model: first, wire: MODELS[first] }, b = { model: other, wire: MODELS[other] };
  const results = { search: { output: { found: 'it' } } };
  const say = (who, what, reply) => ({ who, turn: { ...what, body: { model: who.model } }, reply });
  const steps = [
    say(a, { user: 'One' }, STEPS[a.wire].calls('a', 'b')),
    say(b, { toolResults: results }, STEPS[b.wire].calls('c', 'd')),
    say(a, { toolResults: results }, STEPS[a.wire].last),
    say(b, { user: 'Two' }, STEPS[b.wire].last),
    say(a, { user: 'Three' }, STEPS[a.wire].last),
  ];
  const scenario = { body: { toolSchemas: [TOOL] }, turns: steps.map(s => s.turn) };
  return { steps, scenario: { ...scenario, upstream: steps.map(s => s.reply) } };
}

// What a request upstream must hold by then, and what it must not.
function wrongOf(request, index, { steps }) {
  const wrong = request.violations.map(v => `request ${index + 1}: ${v}`);
  const { wire } = steps[index].who;
  const say = what => wrong.push(`request ${index + 1} ${what}`);
  if (request.wire !== wire) say(`went to ${request.wire}, not to ${wire}`);
  const before = new Set(steps.slice(0, Math.min(index, 2)).map(s => s.who.wire));
  for (const [owner, secrets] of Object.entries(SECRETS)) {
    for (const secret of secrets) {
      const has = request.raw.includes(JSON.stringify(secret).slice(1, -1));
      if (has !== (owner === wire && before.has(owner))) say(`${has ? 'has' : 'lacks'} ${secret}`);
    }
  }
  const found = request.raw.split('found').length - 1;
  if (found !== Math.min(index, 2) * 2) say(`has ${found} results`);
  return wrong;
}

async function play(env, target, name, played) {
  env.mock.load({ name, upstream: played.scenario.upstream });
  const turns = await playScenario(target, played.scenario, AbortSignal.timeout(DEADLINE_MS));
  const requests = env.mock.requests();
  const wrong = requests.flatMap((request, index) => wrongOf(request, index, played));
  if (requests.length !== turns.length)
    wrong.push(`${requests.length} requests for ${turns.length} turns`);
  turns.forEach((turn, index) => {
    const last = turn.chunks.at(-1);
    if (turn.done && turn.errors.length === 0 && last?.type === 'finish') return;
    wrong.push(`turn ${index + 1}: ${JSON.stringify(turn.errors)} ${JSON.stringify(last)}`);
  });
  return wrong;
}

async function playAll(env, target) {
  const wanted = (args.only ?? '*').replaceAll('.', '\\.').replaceAll('*', '.*');
  const pattern = new RegExp(`^${wanted}$`);
  const results = [];
  for (const first of Object.keys(MODELS)) {
    for (const other of Object.keys(MODELS)) {
      const name = `${first} to ${other} and back`;
      if (first === other || !pattern.test(name)) continue;
      const wrong = await play(env, target, name, conversation(first, other))
        .catch(error => [`run failed: ${error.message}`]);
      results.push(wrong.length === 0);
      console.log(`${wrong.length ? 'FAIL' : 'pass'} ${name}`);
      for (const line of wrong) console.log(`     ${line}`);
    }
  }
  return results;
}

if (!args.target || !args.spawn) {
  console.error('usage: node switch.mjs --target URL --spawn CMD');
  process.exit(2);
}
const env = await startEnvironment({
  mockPort: Number(args['mock-port'] ?? 28080),
  mcpPort: Number(args['mcp-port'] ?? 28090),
});
const results = await withSpawnedTarget(
  here, env, { command: args.spawn, target: args.target, profile: 'default' },
  target => playAll(env, target));
await env.close();
const passed = results.filter(Boolean).length;
fs.writeSync(1, `${passed} passed, ${results.length - passed} failed\n`);
process.exit(passed === 0 || passed < results.length ? 1 : 0);
