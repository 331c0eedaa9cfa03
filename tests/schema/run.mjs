// The schema that `gatehouse schema` prints: valid by draft 7, true for the files of this
// repository, and strict about mistakes.
//
//     node tests/schema/run.mjs --gatehouse build/bin/gatehouse
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Ajv from 'ajv';
import { parse } from 'yaml';

const { values } = parseArgs({ options: { gatehouse: { type: 'string' } } });
const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const schema = JSON.parse(execFileSync(values.gatehouse, ['schema'], { maxBuffer: 1 << 24 }));

// Strict: a misspelt keyword or an unknown format is an error. Unions of types are what
// `store` and the sections are.
const ajv = new Ajv({ strict: true, allowUnionTypes: true, strictRequired: false,
                      strictTypes: false, allErrors: true });
let passed = 0, failed = 0;

function report(name, wrong) {
  console.log(`${wrong ? 'FAIL' : 'ok  '} ${name}`, wrong ? `\n     ${wrong}` : '');
  wrong ? ++failed : ++passed;
}

function compile() {
  try {
    return ajv.compile(schema);
  } catch (error) {
    report('the schema is valid', error.message);
    console.log(`${passed} passed, ${failed} failed`);
    process.exit(1);
  }
}

const validate = compile();
report('the schema is valid', ajv.validateSchema(schema) ? '' : ajv.errorsText());

const errors = (text) => validate(parse(text)) ? '' : ajv.errorsText(validate.errors).slice(0, 500);

const shipped = readdirSync(join(root, 'etc')).filter((file) => file.endsWith('.yaml') && file !== 'workflows.yaml');
for (const file of [...shipped.map((name) => `etc/${name}`), 'packaging/gatehouse.yaml']) {
  report(`${file} is valid`, errors(readFileSync(join(root, file), 'utf8')));
}

const valid = {
  'a section without settings': 'server:\npipeline: [health]',
  'an included file': 'pipeline: [{throttler: {limit: 1}, before: chat}]',
  'a reference to a variable': 'pipeline: [{throttler: {limit: "${LIMIT}", window: "${W:-1s}"}}]',
  'a secret in a file': 'pipeline: [{gemini: {api_key: {file: key}}}]',
  'a credential': 'admin: {token: {credential: token}}',
  'a plugin without settings': 'pipeline: [chat, {chat: }]',
  'a plugin of another folder': 'pipeline: [{mine: {a: 1}, path: mine.so}]',
  'a store': 'store: redis://127.0.0.1',
};
for (const [name, text] of Object.entries(valid)) report(`${name} is valid`, errors(text));

const invalid = {
  'an unknown section': 'sever: {}',
  'an unknown setting': 'server: {max_bdy: 1MiB}',
  'a size without a unit': 'server: {max_body: 32}',
  'a duration with an unknown unit': 'shutdown: {grace: 1d}',
  'an unknown plugin': 'pipeline: [chta]',
  'an unknown plugin with settings': 'pipeline: [{chta: {}}]',
  'an unknown setting of a plugin': 'pipeline: [{gemini: {api_key: k, modle: m}}]',
  'a word out of a list': 'log: {level: loud}',
  'a reference of another kind': 'pipeline: [{gemini: {api_key: {env: KEY}}}]',
  'a number out of its range': 'server: {max_running: 0}',
};
for (const [name, text] of Object.entries(invalid))
  report(`${name} is a mistake`, errors(text) ? '' : `valid: ${text}`);

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
