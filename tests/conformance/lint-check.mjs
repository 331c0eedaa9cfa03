#!/usr/bin/env node
// Proves that the mock refuses what Gemini refuses: good requests, and copies of them with one thing wrong each, sent over HTTP.
// The last line is `N passed, N failed`.   node lint-check.mjs
import { startMock } from './lib/mock.mjs';
import { KEY } from './lib/providers.mjs';

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const good = () => ({
  contents: [
    { role: 'user', parts: [{ text: 'U' }, { inlineData: { mimeType: 'image/png', data: PIXEL } }] },
    { role: 'model', parts: [{ functionCall: { id: 'c1', name: 'f', args: { a: 1 } }, thoughtSignature: 'c2ln' }] },
    { role: 'user', parts: [{ functionResponse: { id: 'c1', name: 'f', response: { output: 1 } } }] },
  ],
  tools: [{ functionDeclarations: [{ name: 'f', parametersJsonSchema: { type: 'object', properties: { a: { $ref: '#/$defs/A', description: 'A' } }, $defs: { A: { const: 1 } } } }] }],
  generationConfig: { thinkingConfig: { includeThoughts: true } },
});

const FLASH_2 = 'gemini-2.5-flash';
const PRO_2 = 'gemini-2.5-pro';
const FLASH_3 = 'gemini-3.8-flash';
const HYDROGEN = 'gemini-4-hydrogen';
const GEMMA = 'gemma-4-31b-it';
const declare = schema => b => { b.tools[0].functionDeclarations[0] = { name: 'f', parameters: { type: 'object', properties: { x: schema } } }; };
const declareJson = schema => b => { b.tools[0].functionDeclarations[0].parametersJsonSchema = schema; };
const thinking = config => b => { b.generationConfig.thinkingConfig = config; };
const nested = depth => (depth ? { child: nested(depth - 1) } : 1);
const forGemma = b => {
  delete b.generationConfig;
  delete b.contents[1].parts[0].thoughtSignature;
};
const parallel = b => {
  b.contents[1].parts.push({ functionCall: { id: 'c2', name: 'f', args: {} } });
  b.contents[2].parts.push({ functionResponse: { id: 'c2', name: 'f', response: {} } });
};

// [model, what is sent, how to change the good request]
const TAKEN = [
  [FLASH_3, 'the good request'],
  [FLASH_2, 'no signature to a model that needs none', b => { delete b.contents[1].parts[0].thoughtSignature; }],
  [FLASH_2, 'a temperature and a budget', b => { b.generationConfig = { temperature: 0.7, thinkingConfig: { thinkingBudget: 0 } }; }],
  [FLASH_2, 'a last turn of the model', b => { b.contents.push({ role: 'model', parts: [{ text: 'Once' }] }); }],
  [FLASH_3, 'the dummy signature', b => { b.contents[1].parts[0].thoughtSignature = 'skip_thought_signature_validator'; }],
  [FLASH_3, 'a signature on the first of parallel calls only', parallel],
  [FLASH_3, 'a call without a signature before the last question', b => {
    delete b.contents[1].parts[0].thoughtSignature;
    b.contents.push({ role: 'user', parts: [{ text: 'V' }] });
  }],
  [FLASH_3, 'an image in a result', b => { b.contents[2].parts[0].functionResponse.parts = [{ inlineData: { mimeType: 'image/png', data: PIXEL } }]; }],
  [FLASH_3, 'search and functions with the flag', b => { b.tools.push({ googleSearch: {} }); b.toolConfig = { includeServerSideToolInvocations: true }; }],
  [FLASH_3, 'a result with 32 levels', b => { b.contents[2].parts[0].functionResponse.response = nested(32); }],
  [HYDROGEN, 'the highest level', thinking({ thinkingLevel: 'xhigh' })],
  [HYDROGEN, 'a token of a continued answer', b => { b.continuationToken = 'T'; }],
  [GEMMA, 'a call without a signature', forGemma],
  [FLASH_3, 'an OpenAPI schema', declare({ type: 'ARRAY', items: { type: 'STRING', enum: ['a'], format: 'enum' } })],
];

const REFUSED = [
  [FLASH_3, 'an unknown field', b => { b.system = 'S'; }],
  [FLASH_3, 'an unknown field of the configuration', b => { b.generationConfig.maxTokens = 1; }],
  [FLASH_3, 'an unknown tool', b => { b.tools.push({ search: {} }); }],
  [FLASH_3, 'no contents', b => { b.contents = []; }],
  [FLASH_3, 'an unknown role', b => { b.contents.push({ role: 'assistant', parts: [{ text: 'A' }] }); }],
  [FLASH_3, 'a turn without parts', b => { b.contents[0].parts = []; }],
  [FLASH_3, 'a part of two kinds', b => { b.contents[0].parts[0].fileData = {}; }],
  [FLASH_3, 'a file of an unsupported type', b => { b.contents[0].parts[1].inlineData.mimeType = 'application/json'; }],
  [FLASH_3, 'a file that is no base64', b => { b.contents[0].parts[1].inlineData.data = '%%%'; }],
  [FLASH_3, 'a file without its type', b => { delete b.contents[0].parts[1].inlineData.mimeType; }],
  [FLASH_3, 'more tokens than the context holds', b => { b.contents[0].parts[0].text = 'word '.repeat(500000); }],

  [FLASH_3, 'a call without a signature', b => { delete b.contents[1].parts[0].thoughtSignature; }],
  [FLASH_3, 'a signature of someone else', b => { b.contents[1].parts[0].thoughtSignature = 'alien'; }],
  [GEMMA, 'a signature', b => { forGemma(b); b.contents[1].parts[0].thoughtSignature = 'c2ln'; }],
  [GEMMA, 'a thought', b => { forGemma(b); b.contents[1].parts.unshift({ text: 'T', thought: true }); }],
  [FLASH_3, 'a last turn of the model', b => { b.contents.push({ role: 'model', parts: [{ text: 'Once' }] }); }],
  [FLASH_2, 'a call after a turn of the model', b => { b.contents.splice(1, 0, { role: 'model', parts: [{ text: 'A' }] }); }],
  [FLASH_2, 'a call as the first turn', b => { b.contents.shift(); }],
  [FLASH_2, 'a call without a result', b => { b.contents[2].parts = [{ text: 'V' }]; }],
  [FLASH_2, 'two results of one call', b => { b.contents[2].parts.push(b.contents[2].parts[0]); }],
  [FLASH_2, 'a result without a call', b => { b.contents[1].parts = [{ text: 'A' }]; }],
  [FLASH_2, 'an image beside the results of parallel calls', b => { parallel(b); b.contents[2].parts.push(b.contents[0].parts[1]); }],
  [FLASH_2, 'an image in a result', b => { b.contents[2].parts[0].functionResponse.parts = [{ inlineData: { mimeType: 'image/png', data: PIXEL } }]; }],
  [FLASH_3, 'a result with the id of another call', b => { b.contents[2].parts[0].functionResponse.id = 'c9'; }],
  [FLASH_3, 'a result without a name', b => { b.contents[2].parts[0].functionResponse.name = ''; }],
  [FLASH_3, 'a reference in a result', b => { b.contents[2].parts[0].functionResponse.response = { output: [{ $ref: '#/$defs/A' }] }; }],
  [FLASH_3, 'a result with 33 levels', b => { b.contents[2].parts[0].functionResponse.response = nested(33); }],
  [FLASH_3, 'arguments with 33 levels', b => { b.contents[1].parts[0].functionCall.args = nested(33); }],

  [FLASH_3, 'a temperature', b => { b.generationConfig.temperature = 0.7; }],
  [HYDROGEN, 'topP', b => { b.generationConfig.topP = 0.9; }],
  [FLASH_2, 'a penalty', b => { b.generationConfig.presencePenalty = 1; }],
  [FLASH_3, 'two candidates', b => { b.generationConfig.candidateCount = 2; }],
  [FLASH_3, 'too many output tokens', b => { b.generationConfig.maxOutputTokens = 65537; }],
  [GEMMA, 'too many output tokens', b => { forGemma(b); b.generationConfig = { maxOutputTokens: 32769 }; }],
  [FLASH_3, 'a level that the model does not have', thinking({ thinkingLevel: 'minimal' })],
  [FLASH_3, 'the level of another model', thinking({ thinkingLevel: 'xhigh' })],
  [FLASH_2, 'a level to a model with a budget', thinking({ thinkingLevel: 'low' })],
  [FLASH_3, 'a budget to a model with levels', thinking({ thinkingBudget: 1024 })],
  [FLASH_2, 'a budget beyond the range', thinking({ thinkingBudget: 52428 })],
  [PRO_2, 'no thinking at all', thinking({ thinkingBudget: 0 })],
  [FLASH_2, 'a level and a budget', thinking({ thinkingLevel: 'low', thinkingBudget: 1 })],
  [GEMMA, 'a wish for thoughts', b => { forGemma(b); b.generationConfig = { thinkingConfig: { includeThoughts: true } }; }],
  ['gemini-nano-banana-2.1', 'functions to an image model', b => { delete b.generationConfig; }],
  [GEMMA, 'a system instruction', b => { forGemma(b); b.systemInstruction = { parts: [{ text: 'S' }] }; }],
  ['gemma-3-27b-it', 'functions', forGemma],
  [FLASH_3, 'a token of a continued answer', b => { b.continuationToken = 'T'; }],
  [FLASH_2, 'search and functions', b => { b.tools.push({ googleSearch: {} }); b.toolConfig = { includeServerSideToolInvocations: true }; }],
  [FLASH_3, 'search and functions without the flag', b => { b.tools.push({ googleSearch: {} }); }],
  [GEMMA, 'search', b => { forGemma(b); b.tools.push({ googleSearch: {} }); }],

  [FLASH_3, 'a name that begins with a digit', b => { b.tools[0].functionDeclarations[0].name = '1f'; }],
  [FLASH_3, 'a name with a space', b => { b.tools[0].functionDeclarations[0].name = 'f f'; }],
  [FLASH_3, 'a name of 65 characters', b => { b.tools[0].functionDeclarations[0].name = 'f'.repeat(65); }],
  [FLASH_3, 'a name twice', b => { b.tools[0].functionDeclarations.push({ name: 'f' }); }],
  [FLASH_3, '513 functions', b => { b.tools[0].functionDeclarations = Array.from({ length: 513 }, (_, i) => ({ name: `f${i}` })); }],
  [FLASH_3, 'both kinds of schema', b => { b.tools[0].functionDeclarations[0].parameters = { type: 'object' }; }],
  [FLASH_3, 'parameters: an array without items', declare({ type: 'array' })],
  [FLASH_3, 'parameters: an empty value of an enum', declare({ type: 'string', enum: ['', 'a'] })],
  [FLASH_3, 'parameters: an enum of numbers', declare({ type: 'integer', enum: [1] })],
  [FLASH_3, 'parameters: a required property that is not defined', declare({ type: 'object', properties: {}, required: ['y'] })],
  [FLASH_3, 'parameters: an unknown format', declare({ type: 'string', format: 'uri' })],
  [FLASH_3, 'parameters: no type', declare({ description: 'D' })],
  [FLASH_3, 'parameters: const', declare({ type: 'string', const: 'a' })],
  [FLASH_3, 'parameters: additionalProperties below anyOf', declare({ anyOf: [{ type: 'object', additionalProperties: false }] })],
  [FLASH_3, 'JSON Schema: no object', declareJson({ type: 'array', items: {} })],
  [FLASH_3, 'JSON Schema: a choice at its root', declareJson({ anyOf: [{ type: 'object' }] })],
  [FLASH_3, 'JSON Schema: a reference with company', declareJson({ type: 'object', properties: { a: { $ref: '#/$defs/A', type: 'string' } }, $defs: { A: {} } })],
  [FLASH_3, 'JSON Schema: a reference to nothing', declareJson({ type: 'object', properties: { a: { $ref: '#/$defs/A' } } })],
  [FLASH_3, 'JSON Schema: too deep', declareJson(Array.from({ length: 33 }).reduce(inner => ({ type: 'object', properties: { x: inner } }), { type: 'object' }))],
];

const mock = await startMock();

async function post(model, change = () => {}) {
  const body = good();
  change(body);
  const response = await fetch(`${mock.baseUrl}/models/${model}:streamGenerateContent?alt=sse`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-goog-api-key': KEY }, body: JSON.stringify(body) });
  return { status: response.status, text: await response.text() };
}

let failed = 0;
function judge(ok, line) {
  if (!ok) failed++;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${line}`);
}
for (const [model, what, change] of TAKEN) {
  const { status, text } = await post(model, change);
  judge(status === 200 && /Mock reply/.test(text), `${model} takes ${what}${status === 200 ? '' : `: ${text}`}`);
}
for (const [model, what, change] of REFUSED) {
  const { status, text } = await post(model, change);
  const { status: word, message } = status === 200 ? {} : JSON.parse(text).error;
  judge(status === 400 && word === 'INVALID_ARGUMENT' && !message.includes('\n'), `${model} refuses ${what}: ${status} ${message?.slice(0, 120)}`);
}
await mock.close();
console.log(`${TAKEN.length + REFUSED.length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
