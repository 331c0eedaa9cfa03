#!/usr/bin/env node
// Proves that the OpenAI and Anthropic mocks refuse what the real services refuse: one good request per provider, and copies of it
// with one thing wrong each, sent over HTTP.   node lint-check-wires.mjs
import { startMock } from './lib/mock.mjs';
import { KEY } from './lib/providers.mjs';

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const GOOD = {
  openai: {
    model: 'gpt-4.1-mini', max_tokens: 10, temperature: 0.7, stream: true, stream_options: { include_usage: true }, tool_choice: 'auto',
    messages: [
      { role: 'system', content: 'S' },
      { role: 'user', content: [{ type: 'text', text: 'U' }, { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } }] },
      { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }] },
      { role: 'tool', tool_call_id: 'call_1', content: 'R' },
      { role: 'user', content: 'V' },
    ],
    tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }],
  },
  anthropic: {
    model: 'claude-haiku-4-5', max_tokens: 10, temperature: 0.7, stream: true, system: [{ type: 'text', text: 'S' }], tool_choice: { type: 'auto' },
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'U' }, { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } }] },
      { role: 'assistant', content: [{ type: 'thinking', thinking: 'T', signature: 'Eq==' }, { type: 'text', text: 'A' }, { type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: 1 } }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'R' }, { type: 'text', text: 'V' }] },
    ],
    tools: [{ name: 'f', input_schema: { type: 'object', properties: {} } }],
  },
};

// [what is wrong, how to spoil the good request (or its headers)]
const BAD = {
  openai: [
    ['no model', b => { delete b.model; }],
    ['no messages', b => { b.messages = []; }],
    ['unknown argument', b => { b.system = 'S'; }],
    ['unknown role', b => { b.messages[0].role = 'model'; }],
    ['unknown message field', b => { b.messages[1].parts = []; }],
    ['null user content', b => { b.messages[4].content = null; }],
    ['empty content list', b => { b.messages[1].content = []; }],
    ['single text as a list (compat)', b => { b.messages[4].content = [{ type: 'text', text: 'V' }]; }],
    ['image_url as a string', b => { b.messages[1].content[1].image_url = 'https://x.example/a.png'; }],
    ['image in Anthropic\'s shape', b => { b.messages[1].content[1] = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } }; }],
    ['image data URL without base64', b => { b.messages[1].content[1].image_url.url = 'data:image/png,%00'; }],
    ['audio as a data URL', b => { b.messages[1].content[1] = { type: 'input_audio', input_audio: { data: 'data:audio/wav;base64,AAAA', format: 'wav' } }; }],
    ['file without name', b => { b.messages[1].content[1] = { type: 'file', file: { file_data: 'data:application/pdf;base64,AAAA' } }; }],
    ['tool result without its call', b => { b.messages.splice(2, 1); }],
    ['call without its result', b => { b.messages.splice(3, 1); }],
    ['result of another call', b => { b.messages[3].tool_call_id = 'call_2'; }],
    ['user message between call and result', b => { b.messages.splice(3, 0, { role: 'user', content: 'X' }); }],
    ['result as an object', b => { b.messages[3].content = { a: 1 }; }],
    ['call without type', b => { delete b.messages[2].tool_calls[0].type; }],
    ['arguments as an object', b => { b.messages[2].tool_calls[0].function.arguments = { a: 1 }; }],
    ['arguments not JSON (compat)', b => { b.messages[2].tool_calls[0].function.arguments = '{a'; }],
    ['empty tool_calls', b => { b.messages[2].tool_calls = []; b.messages.splice(3, 1); }],
    ['assistant with nothing (compat)', b => { b.messages.splice(2, 2, { role: 'assistant', content: '' }); }],
    ['tool in the wrong shape', b => { b.tools = [{ name: 'f', input_schema: {} }]; }],
    ['parameters beside function', b => { b.tools[0].parameters = {}; }],
    ['schema without type', b => { b.tools[0].function.parameters = {}; }],
    ['schema without properties', b => { b.tools[0].function.parameters = { type: 'object' }; }],
    ['anyOf at the root', b => { b.tools[0].function.parameters.anyOf = []; }],
    ['dotted name', b => { b.tools[0].function.name = 'a.b'; }],
    ['long name', b => { b.tools[0].function.name = 'a'.repeat(65); }],
    ['129 tools', b => { b.tools = Array.from({ length: 129 }, (_, i) => ({ type: 'function', function: { name: `f${i}` } })); }],
    ['empty tools', b => { b.tools = []; }],
    ['tool_choice without tools', b => { delete b.tools; }],
    ['tool_choice in Anthropic\'s shape', b => { b.tool_choice = { type: 'auto' }; }],
    ['temperature 3', b => { b.temperature = 3; }],
    ['max_tokens 0', b => { b.max_tokens = 0; }],
    ['max_tokens for o4-mini', b => { b.model = 'o4-mini'; delete b.temperature; }],
    ['temperature for o4-mini', b => { b.model = 'o4-mini'; b.max_completion_tokens = 9; delete b.max_tokens; }],
    ['stream_options without stream', b => { delete b.stream; }],
    ['no key', (b, h) => { delete h.authorization; }, 401],
  ],
  anthropic: [
    ['no model', b => { delete b.model; }],
    ['no max_tokens', b => { delete b.max_tokens; }],
    ['no messages', b => { b.messages = []; }],
    ['unknown field', b => { b.max_completion_tokens = 5; }],
    ['system role', b => { b.messages.unshift({ role: 'system', content: 'S' }); }],
    ['assistant first', b => { b.messages = [{ role: 'assistant', content: 'A' }, { role: 'user', content: 'U' }]; }],
    ['unknown message field', b => { b.messages[0].name = 'x'; }],
    ['empty content', b => { b.messages[0].content = []; }],
    ['empty text', b => { b.messages[0].content[0].text = ''; }],
    ['nothing but blanks', b => { b.messages[0].content = '  \n'; }],
    ['empty system', b => { b.system = [{ type: 'text', text: '' }]; }],
    ['trailing space at the end', b => { b.messages.push({ role: 'assistant', content: 'A ' }); }],
    ['image in OpenAI\'s shape', b => { b.messages[0].content[1] = { type: 'image_url', image_url: { url: 'https://x.example/a.png' } }; }],
    ['image as a data URL', b => { b.messages[0].content[1].source.data = `data:image/png;base64,${PIXEL}`; }],
    ['image type', b => { b.messages[0].content[1].source.media_type = 'image/bmp'; }],
    ['http image', b => { b.messages[0].content[1].source = { type: 'url', url: 'http://x.example/a.png' }; }],
    ['markdown as base64 document', b => { b.messages[0].content[1] = { type: 'document', source: { type: 'base64', media_type: 'text/markdown', data: 'AAAA' } }; }],
    ['thinking without signature', b => { delete b.messages[1].content[0].signature; }],
    ['call without result', b => { b.messages[2].content.shift(); }],
    ['result without call', b => { b.messages[1].content.pop(); }],
    ['result of another call', b => { b.messages[2].content[0].tool_use_id = 'toolu_2'; }],
    ['result after the text', b => { b.messages[2].content.reverse(); }],
    ['two results of one call', b => { b.messages[2].content.unshift(b.messages[2].content[0]); }],
    ['text after the call', b => { b.messages[1].content.push({ type: 'text', text: 'B' }); }],
    ['role tool', b => { b.messages.splice(2, 0, { role: 'tool', content: 'R' }); }],
    ['input as a string', b => { b.messages[1].content[2].input = '{"a":1}'; }],
    ['id with a colon', b => { b.messages[1].content[2].id = 'f:0'; b.messages[2].content[0].tool_use_id = 'f:0'; }],
    ['result as an object', b => { b.messages[2].content[0].content = { a: 1 }; }],
    ['tool in OpenAI\'s shape', b => { b.tools = [{ type: 'function', function: { name: 'f', parameters: {} } }]; }],
    ['tool without schema', b => { delete b.tools[0].input_schema; }],
    ['schema without type', b => { b.tools[0].input_schema = {}; }],
    ['oneOf at the root', b => { b.tools[0].input_schema.oneOf = []; }],
    ['dotted name', b => { b.tools[0].name = 'a.b'; }],
    ['two tools of one name', b => { b.tools.push(b.tools[0]); }],
    ['tool_choice as a string', b => { b.tool_choice = 'auto'; }],
    ['tool_choice without tools', b => { delete b.tools; }],
    ['temperature 1.5', b => { b.temperature = 1.5; }],
    ['temperature for Opus 4.8', b => { b.model = 'claude-opus-4-8'; }],
    ['no version', (b, h) => { delete h['anthropic-version']; }],
    ['no key', (b, h) => { delete h['x-api-key']; }, 401],
  ],
};

const mock = await startMock();
const PATHS = { openai: '/v1/chat/completions', anthropic: '/v1/messages' };
const HEADERS = { openai: { authorization: `Bearer ${KEY}` }, anthropic: { 'x-api-key': KEY, 'anthropic-version': '2023-06-01' } };

async function post(provider, spoil = () => {}) {
  const body = structuredClone(GOOD[provider]);
  const headers = { 'content-type': 'application/json', ...HEADERS[provider] };
  spoil(body, headers);
  const response = await fetch(mock.url + PATHS[provider], { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, text: await response.text() };
}

let passed = 0;
let failed = 0;
const judge = (ok, line) => { if (ok) passed++; else failed++; console.log(`${ok ? 'ok  ' : 'FAIL'} ${line}`); };
for (const provider of ['openai', 'anthropic']) {
  const good = await post(provider);
  judge(good.status === 200 && /Mock reply/.test(good.text), `${provider}: the good request is answered (${good.status})`);
  for (const [what, spoil, status = 400] of BAD[provider]) {
    const { status: got, text } = await post(provider, spoil);
    const message = JSON.parse(got === 200 ? '{}' : text).error?.message ?? '';
    judge(got === status && message !== '', `${provider}: ${what}: ${got} ${message.slice(0, 120)}`);
  }
}
await mock.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
