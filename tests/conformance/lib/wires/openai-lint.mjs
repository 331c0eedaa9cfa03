// Request rules of Chat Completions that a gateway is most likely to break: those of api.openai.com, and (marked "compat")
// those of its stricter compatible servers.
const TOP = new Set(['model', 'messages', 'audio', 'frequency_penalty', 'function_call', 'functions', 'logit_bias', 'logprobs', 'max_completion_tokens', 'max_tokens', 'metadata', 'modalities', 'n', 'parallel_tool_calls', 'prediction', 'presence_penalty', 'prompt_cache_key', 'reasoning_effort', 'response_format', 'safety_identifier', 'seed', 'service_tier', 'stop', 'store', 'stream', 'stream_options', 'temperature', 'tool_choice', 'tools', 'top_logprobs', 'top_p', 'user', 'verbosity', 'web_search_options']);
const NAME = /^[a-zA-Z0-9_-]{1,64}$/;
export const isReasoningModel = model => /^(o\d|gpt-[5-9](?!-chat))/.test(model ?? '');

export function lintChat(body) {
  const out = [];
  if (body === null || typeof body !== 'object' || Array.isArray(body)) return ['body is not a JSON object'];
  for (const key of Object.keys(body)) if (!TOP.has(key)) out.push(`Unrecognized request argument supplied: ${key}`);
  if (!body.model || typeof body.model !== 'string') out.push('you must provide a model parameter');
  lintSettings(body, out);
  if (!Array.isArray(body.messages) || body.messages.length === 0) out.push("Invalid 'messages': empty array. Expected an array with minimum length 1");
  else {
    body.messages.forEach((message, i) => lintMessage(message, `messages[${i}]`, out));
    lintPairs(body.messages, out);
  }
  lintTools(body, out);
  return out;
}

function lintSettings(body, out) {
  if (body.stream_options !== undefined && body.stream !== true) out.push("The 'stream_options' parameter is only allowed when 'stream' is enabled");
  if (body.temperature != null && !(body.temperature >= 0 && body.temperature <= 2)) out.push("Invalid 'temperature': expected a number from 0 to 2");
  for (const key of ['max_tokens', 'max_completion_tokens']) if (body[key] != null && !(Number.isInteger(body[key]) && body[key] >= 1)) out.push(`Invalid '${key}': integer of at least 1 expected`);
  if (body.max_tokens != null && body.max_completion_tokens != null) out.push("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported");
  if (!isReasoningModel(body.model)) return;
  if (body.max_tokens != null) out.push("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead");
  if (body.temperature != null && body.temperature !== 1) out.push("Unsupported value: 'temperature' does not support this value with this model. Only the default (1) value is supported");
}

const isObject = v => v !== null && typeof v === 'object' && !Array.isArray(v);
const isText = part => isObject(part) && part.type === 'text' && typeof part.text === 'string';

const KEYS = {
  system: ['role', 'content', 'name'],
  developer: ['role', 'content', 'name'],
  user: ['role', 'content', 'name'],
  assistant: ['role', 'content', 'name', 'refusal', 'audio', 'tool_calls', 'function_call', 'reasoning_content', 'reasoning'], // the last two: compatible servers
  tool: ['role', 'content', 'tool_call_id'],
};

function lintMessage(message, where, out) {
  if (!isObject(message)) return out.push(`${where} must be an object`);
  const keys = KEYS[message.role];
  if (!keys) return out.push(`Invalid value: '${message.role}' for ${where}.role`);
  for (const key of Object.keys(message)) if (!keys.includes(key)) out.push(`Additional properties are not allowed ('${key}' was unexpected) - '${where}'`);
  const { content } = message;
  if (Array.isArray(content) && content.length === 0) out.push(`Invalid '${where}.content': empty array`);
  switch (message.role) {
    case 'system': case 'developer':
      if (!(typeof content === 'string' || (Array.isArray(content) && content.every(isText)))) out.push(`${where}.content must be text`);
      break;
    case 'user':
      if (Array.isArray(content)) content.forEach((part, j) => lintUserPart(part, `${where}.content[${j}]`, out));
      else if (typeof content !== 'string') out.push(`Invalid value for 'content': expected a string, got null. (${where})`);
      if (Array.isArray(content) && content.length === 1 && isText(content[0])) out.push(`compat: ${where}.content with a single text should be a plain string`);
      break;
    case 'assistant': lintAssistant(message, where, out); break;
    case 'tool':
      if (typeof message.tool_call_id !== 'string') out.push(`Missing parameter 'tool_call_id': messages with role 'tool' must have a 'tool_call_id' (${where})`);
      if (!(typeof content === 'string' || (Array.isArray(content) && content.every(isText)))) out.push(`${where}.content must be a string`);
      break;
  }
}

function lintUserPart(part, where, out) {
  if (!isObject(part)) return out.push(`${where} must be an object`);
  switch (part.type) {
    case 'text':
      if (!isText(part)) out.push(`${where}.text must be a string`);
      break;
    case 'image_url': {
      const url = part.image_url?.url;
      if (!isObject(part.image_url) || typeof url !== 'string') out.push(`Invalid type for '${where}.image_url': expected an object with a url`);
      else if (!/^https?:\/\//.test(url) && !/^data:image\/(png|jpeg|jpg|gif|webp);base64,[A-Za-z0-9+/]+=*$/.test(url)) out.push(`Invalid image URL in ${where}: expected https or a base64 data URL of png, jpeg, gif or webp`);
      break;
    }
    case 'input_audio':
      if (typeof part.input_audio?.data !== 'string' || !['wav', 'mp3'].includes(part.input_audio?.format)) out.push(`${where}.input_audio needs data and format wav or mp3`);
      else if (/^data:/.test(part.input_audio.data)) out.push(`${where}.input_audio.data must be bare base64`);
      break;
    case 'file':
      if (!isObject(part.file) || !(part.file.file_id || part.file.file_data)) out.push(`${where}.file needs file_data or file_id`);
      else if (part.file.file_data && !/^data:[^,;]+;base64,/.test(part.file.file_data)) out.push(`${where}.file.file_data must be a base64 data URL`);
      else if (part.file.file_data && !part.file.filename) out.push(`${where}.file.filename is required with file_data`);
      break;
    default: out.push(`Invalid value: '${part.type}' in ${where}. Supported values are: 'text', 'image_url', 'input_audio', 'refusal', 'audio', and 'file'`);
  }
}

function lintAssistant(message, where, out) {
  const { content, tool_calls: calls } = message;
  if (calls !== undefined && (!Array.isArray(calls) || calls.length === 0)) out.push(`Invalid '${where}.tool_calls': empty array. Expected an array with minimum length 1`);
  if (content == null && !calls?.length) out.push(`Invalid value for 'content': expected a string, got null. (${where})`);
  if (content === '' && !calls?.length) out.push(`compat: Invalid assistant message ${where}: content or tool_calls must be set`);
  for (const [j, call] of (Array.isArray(calls) ? calls : []).entries()) {
    const at = `${where}.tool_calls[${j}]`;
    if (typeof call?.id !== 'string' || !call.id) out.push(`Missing required parameter: '${at}.id'`);
    if (call?.type !== 'function') out.push(`Missing required parameter: '${at}.type'`);
    if (!NAME.test(call?.function?.name ?? '')) out.push(`Invalid '${at}.function.name': string does not match pattern '^[a-zA-Z0-9_-]+$' or is too long`);
    if (typeof call?.function?.arguments !== 'string') out.push(`Invalid type for '${at}.function.arguments': expected a string`);
    else if (!isObject(parse(call.function.arguments))) out.push(`compat: '${at}.function.arguments' must be the JSON text of an object`);
  }
}

// Each assistant message with tool_calls is followed at once by one tool message per call, and nothing else is.
function lintPairs(messages, out) {
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i];
    if (message?.role === 'tool') out.push(`Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'. (messages[${i}].role)`);
    if (message?.role !== 'assistant' || !message.tool_calls?.length) continue;
    const open = new Set(message.tool_calls.map(c => c?.id));
    if (open.size !== message.tool_calls.length) out.push(`Duplicate tool_call ids in messages[${i}]`);
    while (messages[i + 1]?.role === 'tool') {
      if (!open.delete(messages[++i].tool_call_id)) out.push(`Invalid parameter: 'tool_call_id' of '${messages[i].tool_call_id}' not found in 'tool_calls' of previous message. (messages[${i}])`);
    }
    if (open.size) out.push(`An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${[...open].join(', ')}`);
  }
}

function lintTools(body, out) {
  if (body.tools === undefined) {
    if (body.tool_choice !== undefined) out.push("Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.");
    if (body.parallel_tool_calls !== undefined) out.push("'parallel_tool_calls' is only allowed when 'tools' are specified.");
    return;
  }
  if (!Array.isArray(body.tools) || body.tools.length === 0) return out.push("Invalid 'tools': empty array. Expected an array with minimum length 1");
  if (body.tools.length > 128) out.push("Invalid 'tools': array too long. Expected an array with maximum length 128");
  const seen = new Set();
  for (const [i, tool] of body.tools.entries()) {
    if (tool?.type !== 'function' || !isObject(tool.function)) { out.push(`Missing required parameter: 'tools[${i}].function'`); continue; }
    for (const key of Object.keys(tool)) if (!['type', 'function'].includes(key)) out.push(`Unknown parameter: 'tools[${i}].${key}'`);
    for (const key of Object.keys(tool.function)) if (!['name', 'description', 'parameters', 'strict'].includes(key)) out.push(`Unknown parameter: 'tools[${i}].function.${key}'`);
    const { name, parameters, description } = tool.function;
    if (!NAME.test(name ?? '')) out.push(`Invalid 'tools[${i}].function.name': string does not match pattern '^[a-zA-Z0-9_-]+$' or is longer than 64`);
    if (description !== undefined && typeof description !== 'string') out.push(`Invalid type for 'tools[${i}].function.description'`);
    if (seen.has(name)) out.push(`compat: duplicate function "${name}"`);
    seen.add(name);
    if (parameters === undefined) continue;
    const bad = text => out.push(`Invalid schema for function '${name}': ${text}`);
    if (!isObject(parameters) || parameters.type !== 'object') bad(`schema must be a JSON Schema of 'type: "object"', got 'type: "${parameters?.type ?? 'None'}"'.`);
    else if (!isObject(parameters.properties)) bad('In context=(), object schema missing properties.');
    for (const key of ['oneOf', 'anyOf', 'allOf', 'enum', 'not']) if (parameters?.[key] !== undefined) bad(`schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level.`);
  }
  const choice = body.tool_choice;
  if (choice !== undefined && !['none', 'auto', 'required'].includes(choice) && !(choice?.type === 'function' && choice.function?.name)) out.push("Invalid value for 'tool_choice'");
}

function parse(text) {
  try { return JSON.parse(text); } catch { return undefined; }
}
