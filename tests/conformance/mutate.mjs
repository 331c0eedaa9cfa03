#!/usr/bin/env node
// Proves that the kit notices broken targets and accepts what is free: each mutation spoils a copy of the reference and
// at least one of its scenarios must fail; each freedom changes something that the contract leaves open and all must pass.
//   node mutate.mjs [--only NAME]
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from './lib/http.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const args = parseArgs(process.argv.slice(2));
const chat = 'lib/reference/chat.mjs';

// [name, file, text in the file, replacement, scenarios that must notice]
const MUTATIONS = [
  ['error text leaks', chat, 'onError: () => MASKED_ERROR', 'onError: e => String(e?.message ?? e)', 'error-400'],
  ['workflow temperature ignored', 'lib/reference/workflows.mjs', 'workflow?.temperature ?? defaults.temperature', 'defaults.temperature', 'workflow-quick'],
  ['temperature 0 treated as unset', 'lib/reference/workflows.mjs', 'workflow?.temperature ?? defaults.temperature', 'workflow?.temperature || defaults.temperature', 'workflow-quick'],
  ['tool filter off', 'lib/reference/workflows.mjs', 'if (!workflow?.allowedTools?.length) return tools;', 'return tools;', 'workflow-research,workflow-all-filtered'],
  ['reasoning hidden', chat, 'sendReasoning: options.sendReasoning', 'sendReasoning: false', 'reasoning-basic'],
  ['no retries', chat, 'maxRetries: options.maxRetries', 'maxRetries: 0', 'error-503-twice-then-ok,error-429-then-ok'],
  ['MCP tools not dynamic', 'lib/reference/mcp.mjs', 'return dynamicTool({', 'return ({', 'mcp-single'],
  ['incomplete tool calls kept', chat, 'ignoreIncompleteToolCalls: true', 'ignoreIncompleteToolCalls: false', 'tool-history-states'],
  ['step limit ignored', chat, 'stepCountIs(settings.maxSteps)', 'stepCountIs(3)', 'mcp-max-steps'],
  ['no error chunk after a broken stream', chat, 'stream: raw ? stream : withErrorChunk(stream, MASKED_ERROR)', 'stream', 'reset-mid-stream,truncated-stream'],
  ['finish metadata missing', chat, "if (part.type === 'finish')", "if (part.type === 'never')", 'text-plain'],
  ['foreign message id on continuation', chat, 'sendSources: options.sendSources,', "sendSources: options.sendSources, generateMessageId: () => 'srv-' + Math.random(),", 'continue-assistant-message'],
  ['client leaving does not cancel', chat, "res.on('close', () => {", "res.on('never', () => {", 'client-leaves'],
  ['answers buffered', 'lib/reference/differences.mjs', 'const reader = stream.getReader();', 'const held = []; const source = stream; stream = new ReadableStream({ async start(c) { for await (const x of source) held.push(x); held.forEach(x => c.enqueue(x)); c.close(); } }); const reader = stream.getReader();', 'text-incremental'],
  ['signatures dropped from history', chat, 'toModelMessages(raw ? body.messages : withBase64DataUrls(body.messages));', "toModelMessages(JSON.parse(JSON.stringify(body.messages, (k, v) => (/providerMetadata$/i.test(k) ? undefined : v))));", 'reasoning-signatures,reasoning-tool-signature'],
  ['page context lost', 'lib/reference/workflows.mjs', 'if (body.initialPageContext)', 'if (false)', 'page-context'],
  ['extension id unchecked', 'lib/reference/request.mjs', "if (!/^[a-z]{32}$/.test(id))", 'if (false)', 'http-auth'],
];

// Freedoms that the contract grants: with these changes every scenario must still pass.
const everything = 'text-*,tool-*,mcp-*,reasoning-*,chat-*,history-*,sources-*,error-in-stream,reset-mid-stream,continue-*';
const PIPE = 'await pipeUIMessageStreamToResponse({ response: res, stream:';
const FREEDOMS = [
  ['own message ids', chat, 'sendSources: options.sendSources,', "sendSources: options.sendSources, originalMessages: body.messages, generateMessageId: () => 'srv-' + Math.random(),"],
  ['keep-alive comments', chat, PIPE, 'await pipeUIMessageStreamToResponse({ response: res, keepAliveMs: 15, stream:'],
  ['charset in the content type', chat, PIPE, "await pipeUIMessageStreamToResponse({ response: res, headers: { 'content-type': 'text/event-stream; charset=utf-8' }, stream:"],
  ['other block ids, split tool input', 'lib/reference/differences.mjs', 'else controller.enqueue(value);', `else if (value.type === 'tool-input-delta') for (const piece of value.inputTextDelta.match(/[^]{1,3}/g)) controller.enqueue({ ...value, inputTextDelta: piece });
        else if (/^(text|reasoning)-/.test(value.type)) controller.enqueue({ ...value, id: 'block-' + value.id + '-x' });
        else controller.enqueue(value);`],
  ['nothing after an error chunk', 'lib/reference/differences.mjs', 'else controller.enqueue(value);', "else { controller.enqueue(value); if (value.type === 'error') { controller.close(); reader.cancel().catch(() => {}); } }"],
];

function spoiledCopy([, file, from, to]) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'conformance-mutant-'));
  for (const name of fs.readdirSync(here)) {
    if (name === 'node_modules') fs.symlinkSync(path.join(here, name), path.join(dir, name));
    else if (name !== 'golden' && name !== 'scenarios') fs.cpSync(path.join(here, name), path.join(dir, name), { recursive: true });
  }
  const target = path.join(dir, file);
  const source = fs.readFileSync(target, 'utf8');
  if (!source.includes(from)) throw new Error(`mutation text not found in ${file}: ${from}`);
  fs.writeFileSync(target, source.replace(from, to));
  return dir;
}

function playSpoiled(mutation, scenarios) {
  const dir = spoiledCopy(mutation);
  const run = spawnSync(process.execPath, ['run.mjs', '--reference', '--scenarios', path.join(here, 'scenarios'), '--only', scenarios, '--json'], { cwd: dir, encoding: 'utf8' });
  fs.rmSync(dir, { recursive: true, force: true });
  const failed = [...run.stdout.matchAll(/"name": "([^"]+)",\s+"passed": false/g)].map(m => m[1]);
  return { run, failed, tail: `\n${run.stdout.slice(-800)}${run.stderr.slice(-800)}` };
}

const chosen = list => list.filter(m => !args.only || m[0] === args.only);
let wrong = 0;
for (const mutation of chosen(MUTATIONS)) {
  const { run, failed, tail } = playSpoiled(mutation, mutation[4]);
  const caught = run.status === 1 && failed.length > 0;
  if (!caught) wrong++;
  console.log(`${caught ? 'caught' : 'MISSED'} ${mutation[0]} (${failed.join(', ')})${caught ? '' : tail}`);
}
for (const freedom of chosen(FREEDOMS)) {
  const { run, failed, tail } = playSpoiled(freedom, everything);
  if (run.status !== 0) wrong++;
  console.log(`${run.status === 0 ? 'accepted' : 'REFUSED'} ${freedom[0]}${run.status === 0 ? '' : ` (${failed.join(', ')})${tail}`}`);
}
console.log(`${wrong} wrong verdicts`);
process.exit(wrong ? 1 : 0);
