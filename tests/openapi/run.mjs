#!/usr/bin/env node
// The OpenAPI document of the default configuration, by others' validators and by requests made
// from it:
//
//   node run.mjs --gatehouse build/bin/gatehouse [--only TEXT] [--seed NUMBER]
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import Ajv from 'ajv/dist/2020.js';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { Values } from './values.mjs';

const options = {
  gatehouse: { type: 'string' },
  only: { type: 'string', default: '' },
  seed: { type: 'string', default: String(Date.now() % 1e6) },
};
const { gatehouse, only, seed } = parseArgs({ options }).values;
const program = path.resolve(gatehouse);
const root = path.resolve(import.meta.dirname, '../..');
const EXTENSION = 'abcdefghijklmnopabcdefghijklmnop';
const REQUESTS = 300;
// All but toolChoice and responseFormat, which need a tool, and a model that honours them.
const MODEL_OPTIONS = ['thinking', 'temperature', 'max_output_tokens', 'top_p', 'top_k', 'seed',
  'stop', 'provider_tools', 'modalities'];

// As their plugins claim them.
const ROUTES = [
  'DELETE /api/chat/{id}/stream', 'GET /api/chat/{id}/stream', 'GET /api/workflows',
  'GET /health', 'GET /health/detailed', 'GET /livez', 'GET /metrics', 'GET /openapi.json',
  'GET /readyz', 'POST /api/chat', 'POST /api/tools/sync',
];

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'openapi-'));
const config = path.join(folder, 'gatehouse.yaml');
for (const name of ['gatehouse.yaml', 'workflows.yaml']) {
  fs.copyFileSync(path.join(root, 'etc', name), path.join(folder, name));
}

/// etc/gatehouse.yaml on a free port, without limits, and with the options of models.
function writeConfig() {
  const text = fs.readFileSync(config, 'utf8');
  const model = 'default_model: gemini-3.8-flash\n';
  const changed = text
    .replace('listen: 127.0.0.1:3000', 'listen: 127.0.0.1:0')
    .replace('limit: 100\n', 'limit: 100000\n')
    .replace(model, `${model}      model_options: [${MODEL_OPTIONS}]\n`)
    .replace('simulator: {}', 'simulator: { word_delay: 0ms, intended: true }');
  fs.writeFileSync(config, changed);
}

const { GEMINI_API_KEY, ...env } = process.env;  // without it the simulator responds

async function serve() {
  const child = spawn(program, ['serve', config], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const record = JSON.parse(line);
    if (record.message === 'listening') {
      child.stdout.resume();
      return { child, origin: `http://${record.address}` };
    }
  }
  throw new Error('the gateway has not started');
}

writeConfig();
const { child, origin } = await serve();
const response = await fetch(`${origin}/openapi.json`);
const document = await response.json();

function operations() {
  return Object.entries(document.paths).flatMap(([route, item]) => Object.entries(item).map(
    ([method, operation]) => ({ route, method: method.toUpperCase(), operation })));
}

const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });

/// The validator of a schema of the document.
function validator(schema) {
  return ajv.compile({ ...schema, components: document.components });
}

function headersOf(operation) {
  return (operation.security ?? []).length ? { 'X-Extension-ID': EXTENSION } : {};
}

/// A body that the schema allows, by the rules that the descriptions add in words.
function bodyOf(values, operation) {
  const schema = operation.requestBody?.content['application/json'].schema;
  if (!schema) return undefined;
  const isValid = validator(schema);
  for (let attempt = 0; attempt < 100; ++attempt) {
    const body = values.of(schema);
    if (body.messages) body.messages.sort((a, b) => (b.role === 'system') - (a.role === 'system'));
    if ('extensionId' in body) body.extensionId = EXTENSION;
    body.schemas?.forEach((tool, index) => { tool.name = `${tool.name.slice(0, 20)}${index}`; });
    if (isValid(body)) return body;
  }
  throw new Error(`no valid body was made: ${ajv.errorsText(isValid.errors)}`);
}

async function send(values, { route, method, operation }) {
  const target = route.replace(/\{\w+\}/, () => values.string({ minLength: 1 }));
  const body = bodyOf(values, operation);
  const headers = headersOf(operation);
  if (body) headers['Content-Type'] = 'application/json';
  const got = await fetch(origin + target, { method, headers, body: body && JSON.stringify(body) });
  return { got, text: await got.text(), body };
}

/// The response that the operation describes for this status, with its content by its schema.
function checkResponse(operation, { got, text, body }) {
  const what = `${got.status} ${text.slice(0, 300)} for ${JSON.stringify(body)?.slice(0, 2000)}`;
  const described = operation.responses[got.status];
  assert.ok(described && got.status < 400, `not accepted: ${what}`);
  const type = got.headers.get('content-type')?.split(';')[0];
  if (!described.content) return assert.equal(text, '', what);
  assert.ok(described.content[type], `the type ${type} is not described: ${what}`);
  if (type !== 'application/json') return;
  const isValid = validator(described.content[type].schema);
  assert.ok(isValid(JSON.parse(text)), `${ajv.errorsText(isValid.errors)}: ${what}`);
}

const tests = {
  async 'the document has each route of the default pipeline'() {
    assert.equal(response.headers.get('content-type'), 'application/json');
    assert.deepEqual(operations().map(({ route, method }) => `${method} ${route}`).sort(), ROUTES);
    const ids = new Set(operations().map(({ operation }) => operation.operationId));
    assert.equal(ids.size, ROUTES.length);
  },

  async 'the command prints the same document'() {
    const settings = { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
    const printed = execFileSync(program, ['openapi', config], settings);
    assert.deepEqual(JSON.parse(printed), document);
  },

  async 'the document is valid OpenAPI 3.1'() {
    const names = ['struct', 'no-unresolved-refs', 'operation-operationId-unique',
      'path-parameters-defined', 'no-identical-paths', 'no-ambiguous-paths'];
    const config = await createConfig({ rules: Object.fromEntries(names.map(n => [n, 'error'])) });
    const problems = await lintFromString({ source: JSON.stringify(document), config });
    const wrong = problems.map(
      ({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`);
    assert.deepEqual(wrong, []);
  },

  async 'each schema is valid JSON Schema'() {
    for (const schema of Object.values(document.components.schemas)) assert.ok(validator(schema));
  },

  async 'only routes below the plugin that authenticates need an id'() {
    for (const { route, method, operation } of operations()) {
      const { status } = await fetch(origin + route.replace('{id}', 'x'), { method });
      assert.equal(status === 401, Boolean(operation.security), `${method} ${route}: ${status}`);
    }
  },

  async 'a request made from the document is accepted'() {
    for (const each of operations()) {
      const values = new Values(document, Number(seed));
      for (let count = 0; count < (each.operation.requestBody ? REQUESTS : 1); ++count)
        checkResponse(each.operation, await send(values, each));
    }
  },

  async 'a failure has the form that the document describes'() {
    const isValid = validator(document.components.schemas.Error);
    for (const body of ['{', '{"messages": []}', '{"messages": 1}']) {
      const headers = { 'X-Extension-ID': EXTENSION, 'Content-Type': 'application/json' };
      const got = await fetch(`${origin}/api/chat`, { method: 'POST', headers, body });
      assert.equal(got.status, 400);
      assert.ok(isValid(await got.json()), ajv.errorsText(isValid.errors));
    }
  },

  async 'TypeScript accepts a client with the generated types'() {
    const types = astToString(await openapiTS(document));
    const client = `
      import type { paths, components } from './gatehouse';
      type Body = paths['/api/chat']['post']['requestBody']['content']['application/json'];
      const body: Body = { messages: [{ role: 'user', parts: [{ type: 'text', text: 'Hi' }] }] };
      const health: components['schemas']['Health']['status'] = 'degraded';
      // @ts-expect-error there is no such role
      const wrong: Body = { messages: [{ role: 'robot', parts: [] }] };
      export { body, health, wrong };`;
    fs.writeFileSync(path.join(folder, 'gatehouse.ts'), types);
    fs.writeFileSync(path.join(folder, 'client.ts'), client);
    const settings = { strict: true, noEmit: true, skipLibCheck: true, types: [] };
    const checked = ts.createProgram([path.join(folder, 'client.ts')], settings);
    const wrong = ts.getPreEmitDiagnostics(checked).map(
      ({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
    assert.deepEqual(wrong, []);
  },
};

const wanted = Object.keys(tests).filter(name => name.includes(only));
let failed = 0;
for (const name of wanted) {
  const wrong = await tests[name]().then(() => undefined, error => error);
  const why = wrong && String(wrong.stack).replaceAll('\n', '\n     ');
  console.log(wrong ? `FAIL ${name} (--seed ${seed})\n     ${why}` : `ok   ${name}`);
  failed += Boolean(wrong);
}
child.kill('SIGTERM');
const [status] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
if (status !== 0) {
  console.log(`FAIL the gateway ended with ${status}`);
  ++failed;
}
fs.rmSync(folder, { recursive: true });
console.log(`${wanted.length - failed} passed, ${failed} failed`);
process.exitCode = wanted.length && !failed ? 0 : 1;
