// Request rules of the Messages API that a gateway is most likely to break.
const TOP = new Set(['model', 'messages', 'max_tokens', 'container', 'context_management', 'mcp_servers', 'metadata', 'output_config', 'service_tier', 'stop_sequences', 'stream', 'system', 'temperature', 'thinking', 'tool_choice', 'tools', 'top_k', 'top_p', 'cache_control', 'inference_geo', 'speed']);
const NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const ID = /^[a-zA-Z0-9_-]+$/;
const IMAGES = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'];
export const rejectsSampling = model => /claude-(opus-(4-[78]|5)|sonnet-5|haiku-5|fable)/.test(model ?? '');

export function lintHeaders(headers) {
  if (!headers['x-api-key'] && !/^Bearer \S+$/.test(headers.authorization ?? '')) return ['x-api-key header is required'];
  if (!headers['anthropic-version']) return ['anthropic-version: header is required'];
  if (!['2023-01-01', '2023-06-01', '2026-10-21'].includes(headers['anthropic-version'])) return [`anthropic-version: "${headers['anthropic-version']}" is not a valid version`];
  return [];
}

const isObject = v => v !== null && typeof v === 'object' && !Array.isArray(v);

export function lintMessages(body) {
  const out = [];
  if (!isObject(body)) return ['body is not a JSON object'];
  for (const key of Object.keys(body)) if (!TOP.has(key)) out.push(`${key}: Extra inputs are not permitted`);
  if (typeof body.model !== 'string' || !body.model) out.push('model: Field required');
  if (body.max_tokens === undefined) out.push('max_tokens: Field required');
  else if (!Number.isInteger(body.max_tokens) || body.max_tokens < 1) out.push('max_tokens: Input should be a valid integer greater than or equal to 1');
  if (body.temperature !== undefined && !(typeof body.temperature === 'number' && body.temperature >= 0 && body.temperature <= 1)) out.push('temperature: range: 0..1');
  if (rejectsSampling(body.model)) for (const key of ['temperature', 'top_p', 'top_k']) if (body[key] !== undefined) out.push(`${key} is not supported by this model`);
  lintSystem(body.system, out);
  if (!Array.isArray(body.messages)) out.push('messages: Field required');
  else if (body.messages.length === 0) out.push('messages: at least one message is required');
  else lintConversation(body.messages, out);
  lintTools(body, out);
  return out;
}

function lintSystem(system, out) {
  if (system === undefined || typeof system === 'string') return;
  if (!Array.isArray(system)) return out.push('system: Input should be a valid string or list');
  system.forEach((block, i) => {
    if (block?.type !== 'text' || typeof block.text !== 'string') out.push(`system.${i}: Input should be a text block`);
    else lintText(block.text, 'system', out);
  });
  lintBlank(system, 'system', out);
}

function lintText(text, where, out) {
  if (text === '') out.push(`${where}: text content blocks must be non-empty`);
}

// White space alone is refused only where no other text stands beside it.
function lintBlank(blocks, where, out) {
  const texts = blocks.filter(b => b?.type === 'text' && typeof b.text === 'string' && b.text !== '');
  if (texts.length && texts.every(b => b.text.trim() === '')) out.push(`${where}: text content blocks must contain non-whitespace text`);
}

const blocksOf = message => (typeof message?.content === 'string' ? [{ type: 'text', text: message.content }] : Array.isArray(message?.content) ? message.content : []);

function lintConversation(messages, out) {
  messages.forEach((message, i) => {
    const where = `messages.${i}`;
    if (!['user', 'assistant'].includes(message?.role)) return out.push(`${where}.role: Unexpected role "${message?.role}". The Messages API accepts a top-level \`system\` parameter, not "system" as an input message role`);
    for (const key of Object.keys(message)) if (!['role', 'content'].includes(key)) out.push(`${where}.${key}: Extra inputs are not permitted`);
    if (typeof message.content !== 'string' && !Array.isArray(message.content)) return out.push(`${where}.content: Field required`);
    const isPrefill = message.role === 'assistant' && i === messages.length - 1;
    if (message.content.length === 0 && !isPrefill) out.push(`${where}: all messages must have non-empty content except for the optional final assistant message`);
    blocksOf(message).forEach((block, j) => lintBlock(block, `${where}.content.${j}`, message.role, out));
    lintBlank(blocksOf(message), 'messages', out);
  });
  if (messages[0]?.role !== 'user') out.push('messages: first message must use the "user" role');
  const turns = combined(messages);
  lintPairs(turns, out);
  const last = turns.at(-1);
  const tail = last?.role === 'assistant' ? last.blocks.at(-1) : undefined;
  if (tail?.type === 'text' && /\s$/.test(tail.text)) out.push('messages: final assistant content cannot end with trailing whitespace');
  if (tail?.type === 'thinking' || tail?.type === 'redacted_thinking') out.push('messages: The final block in an assistant message cannot be `thinking`');
}

// Consecutive messages of one role count as one turn.
function combined(messages) {
  const turns = [];
  messages.forEach((message, i) => {
    if (turns.at(-1)?.role === message?.role) turns.at(-1).blocks.push(...blocksOf(message));
    else turns.push({ role: message?.role, at: i, blocks: [...blocksOf(message)] });
  });
  return turns;
}

// Between two thinking blocks (whose place is fixed) calls stand last.
function textAfterCall(blocks) {
  let called = false;
  for (const block of blocks) {
    if (/thinking$/.test(block?.type)) called = false;
    else if (block?.type === 'tool_use') called = true;
    else if (block?.type === 'text' && called) return true;
  }
  return false;
}

function lintPairs(turns, out) {
  turns.forEach((turn, i) => {
    const before = turns[i - 1];
    const calls = turn.role === 'assistant' ? turn.blocks.filter(b => b?.type === 'tool_use') : [];
    const results = (turns[i + 1]?.blocks ?? []).filter(b => b?.type === 'tool_result').map(b => b.tool_use_id);
    const open = calls.map(c => c.id).filter(id => !results.includes(id));
    if (turn.role === 'assistant' && new Set(calls.map(c => c.id)).size !== calls.length) out.push(`messages.${turn.at}: \`tool_use\` ids must be unique`);
    if (open.length) out.push(`messages.${turn.at}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${open.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`);
    else if (turn.role === 'assistant' && textAfterCall(turn.blocks)) out.push(`messages.${turn.at}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: text must not follow a tool_use block in a turn`);
    if (turn.role !== 'user') return;
    const known = (before?.role === 'assistant' ? before.blocks : []).filter(b => b?.type === 'tool_use').map(b => b.id);
    const seen = new Set();
    turn.blocks.forEach((block, j) => {
      if (block?.type !== 'tool_result') return;
      if (!known.includes(block.tool_use_id)) out.push(`messages.${turn.at}.content.${j}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${block.tool_use_id}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`);
      if (seen.has(block.tool_use_id)) out.push(`messages.${turn.at}.content.${j}: each tool_use must have a single result`);
      seen.add(block.tool_use_id);
      if (j !== seen.size - 1) out.push(`messages.${turn.at}: Messages following \`tool_use\` blocks must begin with a matching number of \`tool_result\` blocks`);
    });
  });
}

function lintBlock(block, where, role, out) {
  const only = (r, what) => { if (role !== r) out.push(`${where}: \`${what}\` blocks can only be in \`${r}\` messages`); };
  switch (block?.type) {
    case 'text':
      if (typeof block.text !== 'string') out.push(`${where}.text.text: Field required`);
      else lintText(block.text, 'messages', out);
      break;
    case 'image': only('user', 'image'); lintSource(block.source, where, IMAGES, out); break;
    case 'document': only('user', 'document'); lintSource(block.source, where, ['application/pdf'], out); break;
    case 'thinking':
      only('assistant', 'thinking');
      if (typeof block.thinking !== 'string') out.push(`${where}.thinking.thinking: Field required`);
      if (typeof block.signature !== 'string' || !block.signature) out.push(`${where}.thinking.signature: Field required`);
      break;
    case 'redacted_thinking':
      only('assistant', 'redacted_thinking');
      if (typeof block.data !== 'string') out.push(`${where}.redacted_thinking.data: Field required`);
      break;
    case 'tool_use':
      only('assistant', 'tool_use');
      if (!ID.test(block.id ?? '')) out.push(`${where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'`);
      if (!NAME.test(block.name ?? '')) out.push(`${where}.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`);
      if (!isObject(block.input)) out.push(`${where}.tool_use.input: Input should be a valid dictionary`);
      break;
    case 'tool_result':
      only('user', 'tool_result');
      if (!ID.test(block.tool_use_id ?? '')) out.push(`${where}.tool_result.tool_use_id: String should match pattern '^[a-zA-Z0-9_-]+$'`);
      if (block.content !== undefined && typeof block.content !== 'string') lintResultContent(block.content, where, out);
      if (block.is_error !== undefined && typeof block.is_error !== 'boolean') out.push(`${where}.tool_result.is_error: Input should be a valid boolean`);
      break;
    case 'server_tool_use': case 'web_search_tool_result': case 'web_fetch_tool_result': case 'code_execution_tool_result': case 'bash_code_execution_tool_result': case 'text_editor_code_execution_tool_result': break;
    default: out.push(`${where}: Input tag '${block?.type}' found using 'type' does not match any of the expected tags`);
  }
}

function lintResultContent(content, where, out) {
  if (!Array.isArray(content)) return out.push(`${where}.tool_result.content: Input should be a valid string or list`);
  for (const block of content) {
    if (block?.type === 'text') lintText(block.text, 'messages', out);
    else if (block?.type === 'image') lintSource(block.source, `${where}.tool_result`, IMAGES, out);
    else if (block?.type === 'document') lintSource(block.source, `${where}.tool_result`, ['application/pdf'], out);
    else out.push(`${where}.tool_result.content: Input tag '${block?.type}' does not match any of the expected tags: 'document', 'image', 'search_result', 'text'`);
  }
}

function lintSource(source, where, mediaTypes, out) {
  switch (source?.type) {
    case 'base64':
      if (!mediaTypes.includes(source.media_type)) out.push(`${where}.source.base64.media_type: Input should be ${mediaTypes.map(m => `'${m}'`).join(' or ')}`);
      if (typeof source.data !== 'string' || !/^[A-Za-z0-9+/]+=*$/.test(source.data)) out.push(`${where}.source.base64.data: must be bare base64`);
      break;
    case 'url':
      if (!/^https:\/\//.test(source.url ?? '')) out.push(`${where}.source.url: Only HTTPS URLs are supported`);
      break;
    case 'text':
      if (mediaTypes !== IMAGES && source.media_type === 'text/plain' && typeof source.data === 'string') break;
    // falls through
    default: out.push(`${where}.source: Input tag '${source?.type}' does not match any of the expected tags`);
  }
}

function lintTools(body, out) {
  const { tools, tool_choice: choice } = body;
  if (choice !== undefined && (!isObject(choice) || !['auto', 'any', 'tool', 'none'].includes(choice.type))) out.push('tool_choice: Input should be an object with type auto, any, tool or none');
  if (choice !== undefined && !tools?.length) out.push('tool_choice may only be specified while providing tools');
  if (tools === undefined) {
    return; // a history may hold calls of tools that are gone
  }
  if (!Array.isArray(tools)) return out.push('tools: Input should be a valid list');
  const seen = new Set();
  tools.forEach((tool, i) => {
    const where = `tools.${i}.custom`;
    if (tool?.type !== undefined && tool.type !== 'custom') return out.push(`tools.${i}: Input tag '${tool.type}' found using 'type' does not match any of the expected tags`);
    for (const key of Object.keys(tool ?? {})) if (!['type', 'name', 'description', 'input_schema', 'cache_control', 'strict', 'eager_input_streaming', 'defer_loading'].includes(key)) out.push(`${where}.${key}: Extra inputs are not permitted`);
    if (!NAME.test(tool?.name ?? '')) out.push(`${where}.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`);
    if (seen.has(tool?.name)) out.push('tools: Tool names must be unique.');
    seen.add(tool?.name);
    if (!isObject(tool?.input_schema)) return out.push(`${where}.input_schema: Field required`);
    if (tool.input_schema.type !== 'object') out.push(`${where}.input_schema.type: Field required`);
    for (const key of ['oneOf', 'allOf', 'anyOf']) if (tool.input_schema[key] !== undefined) out.push(`${where}.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level`);
  });
}
