// OpenAI Responses: request -> chat document, events -> response or stream.
import { Fail, invalid } from './fail.mjs';
import { fresh, callId, metadataOf } from './ids.mjs';
import { fileOfUrl } from './files.mjs';
import { errorBody, modelList, modelInfo } from './openai.mjs';
export { errorBody, modelList, modelInfo };

const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'];
const REFUSED = {
  previous_response_id: 'send the whole input',
  conversation: 'send the whole input',
  prompt: 'send instructions and input',
  background: 'responses are not run in the background',
};
const isObject = v => typeof v === 'object' && v !== null && !Array.isArray(v);
const given = v => v !== undefined && v !== null;
const textPart = text => (text ? [{ type: 'text', text }] : []);

function number(body, name, { min, max, integer }) {
  const value = body[name];
  if (!given(value)) return undefined;
  if (typeof value !== 'number' || (integer && !Number.isInteger(value)))
    throw invalid(`${name} must be ${integer ? 'an integer' : 'a number'}`, name, 'invalid_type');
  if (value < min || value > max)
    throw invalid(
      `${name} must be ${max === Infinity ? `at least ${min}` : `between ${min} and ${max}`}`,
      name,
      'invalid_value',
    );
  return value;
}

function textOf(content, where) {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content))
    throw invalid(`${where} must be a string or an array of parts`, where, 'invalid_type');
  return content
    .map((p, i) => {
      if (p?.type === 'refusal') return p.refusal;
      if (!['input_text', 'output_text'].includes(p?.type) || typeof p.text !== 'string')
        throw invalid(`${where}[${i}] must be a text part`, `${where}[${i}].type`, 'invalid_value');
      return p.text;
    })
    .join('');
}

function parts(content, where) {
  if (typeof content === 'string') return textPart(content);
  if (!Array.isArray(content))
    throw invalid(`${where} must be a string or an array of parts`, where, 'invalid_type');
  return content.map((p, i) => part(p, `${where}[${i}]`)).filter(p => p.type !== 'text' || p.text);
}

function part(p, where) {
  switch (p?.type) {
    case 'input_text':
      if (typeof p.text !== 'string')
        throw invalid(`${where}.text must be a string`, `${where}.text`, 'invalid_type');
      return { type: 'text', text: p.text };
    case 'input_image':
      if (given(p.file_id))
        throw invalid(
          `${where}.file_id is not supported: files cannot be uploaded here`,
          `${where}.file_id`,
          'unsupported_value',
        );
      return fileOfUrl(p.image_url, `${where}.image_url`);
    case 'input_file':
      if (given(p.file_id))
        throw invalid(
          `${where}.file_id is not supported: files cannot be uploaded here`,
          `${where}.file_id`,
          'unsupported_value',
        );
      return given(p.file_data)
        ? fileOfUrl(p.file_data, `${where}.file_data`, 'application/pdf')
        : fileOfUrl(p.file_url, `${where}.file_url`, 'application/pdf');
    case 'input_audio':
      return {
        type: 'file',
        media_type: `audio/${p.input_audio.format}`,
        data: p.input_audio.data,
      };
    default:
      throw invalid(
        `${where}.type must be one of input_text, input_image, input_file, input_audio`,
        `${where}.type`,
        'invalid_value',
      );
  }
}

function argumentsOf(text, where) {
  if (text === '') return {};
  try {
    const v = JSON.parse(text);
    if (isObject(v)) return v;
  } catch {
    /* below */
  }
  throw invalid(`${where} must be the JSON text of an object`, where, 'invalid_value');
}

const opaque = part => `gh1.${Buffer.from(JSON.stringify(part)).toString('base64url')}`;
const opened = content => {
  try {
    return content.startsWith('gh1.')
      ? JSON.parse(Buffer.from(content.slice(4), 'base64url').toString())
      : undefined;
  } catch {
    return undefined;
  }
};

function stored(id, where, options) {
  if (typeof id !== 'string')
    throw invalid(`${where}.id must be a string`, `${where}.id`, 'invalid_type');
  const found = options.items?.get(options.caller + id);
  if (!found)
    throw new Fail(
      'not_found',
      `${where}.id: the item ${id} is not stored here. Send the item itself, or store: false.`,
      { code: 'item_not_found', param: `${where}.id`, retry: false },
    );
  return found;
}

function messagesOf(body, options) {
  const input =
    typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : body.input;
  if (!given(input)) throw invalid('input is required', 'input', 'missing_required_parameter');
  if (!Array.isArray(input))
    throw invalid('input must be a string or an array of items', 'input', 'invalid_type');
  const system = given(body.instructions)
    ? [{ role: 'system', content: textPart(body.instructions) }]
    : [];
  if (given(body.instructions) && typeof body.instructions !== 'string')
    throw invalid('instructions must be a string', 'instructions', 'invalid_type');
  const out = [];
  let step = null;
  const calls = []; // { part, where, result }
  const said = p => {
    if (!step) {
      step = { role: 'assistant', content: [] };
      out.push(step);
    }
    step.content.push(...[].concat(p));
  };
  const called = (p, where) => {
    said(p);
    calls.push({ part: p, where, step });
  };
  input.forEach((item, i) => {
    const where = `input[${i}]`;
    if (!isObject(item)) throw invalid(`${where} must be an object`, where, 'invalid_type');
    const type = item.type ?? (item.role ? 'message' : 'item_reference');
    switch (type) {
      case 'message': {
        const at = `${where}.content`;
        if (item.role === 'assistant') return said(textPart(textOf(item.content, at)));
        if (['system', 'developer'].includes(item.role)) {
          const text = textOf(item.content, at);
          if (text) system.push({ role: 'system', content: textPart(text) });
          return;
        }
        if (item.role !== 'user')
          throw invalid(
            `${where}.role must be one of user, assistant, system, developer`,
            `${where}.role`,
            'invalid_value',
          );
        step = null;
        out.push({ role: 'user', content: parts(item.content, at) });
        return;
      }
      case 'function_call':
        for (const name of ['call_id', 'name', 'arguments'])
          if (typeof item[name] !== 'string')
            throw invalid(`${where}.${name} must be a string`, `${where}.${name}`, 'invalid_type');
        return called(
          {
            type: 'tool-call',
            id: item.call_id,
            name: item.name,
            input: argumentsOf(item.arguments, `${where}.arguments`),
            metadata: metadataOf(item.call_id),
          },
          where,
        );
      case 'function_call_output': {
        const call = calls.find(c => c.part.id === item.call_id && !c.result);
        if (!call)
          throw invalid(
            `${where}.call_id answers no function_call before`,
            `${where}.call_id`,
            'invalid_value',
          );
        const content =
          typeof item.output === 'string' ? null : parts(item.output, `${where}.output`);
        call.result = {
          type: 'tool-result',
          id: item.call_id,
          name: call.part.name,
          output: content
            ? content
                .filter(p => p.type === 'text')
                .map(p => p.text)
                .join('')
            : item.output,
        };
        call.files = content?.filter(p => p.type === 'file') ?? [];
        step = null;
        return;
      }
      case 'reasoning': {
        const p = given(item.encrypted_content) ? opened(item.encrypted_content) : undefined;
        if (p) said(p);
        return;
      }
      case 'item_reference': {
        const p = stored(item.id, where, options);
        return p.type === 'tool-call' ? called({ ...p }, where) : said(p);
      }
      default:
        throw invalid(
          `${where}.type: ${type} is not supported`,
          `${where}.type`,
          'unsupported_value',
        );
    }
  });
  for (const c of calls)
    if (!c.result)
      throw invalid(
        `${c.where}: the function_call needs a function_call_output`,
        c.where,
        'invalid_value',
      );
  const messages = out
    .flatMap(m => {
      const mine = calls.filter(c => c.step === m);
      return [
        m,
        ...(mine.length ? [{ role: 'tool', content: mine.map(c => c.result) }] : []),
        ...(mine.some(c => c.files.length)
          ? [{ role: 'user', content: mine.flatMap(c => c.files) }]
          : []),
      ];
    })
    .filter(m => m.content.length);
  if (!messages.length)
    throw invalid('input must hold a text or a file that is not empty', 'input', 'invalid_value');
  return [...system.filter(m => m.content.length), ...messages];
}

function toolsOf(list) {
  if (!given(list)) return [];
  if (!Array.isArray(list)) throw invalid('tools must be an array', 'tools', 'invalid_type');
  return list.map((t, i) => {
    const where = `tools[${i}]`;
    if (t?.type !== 'function')
      throw invalid(
        `${where}.type: ${t?.type} is not supported, only function is`,
        `${where}.type`,
        'unsupported_parameter',
      );
    if (!/^[a-zA-Z0-9_-]{1,64}$/.test(t.name ?? ''))
      throw invalid(
        `${where}.name must have 1 to 64 letters, digits, _ or -`,
        `${where}.name`,
        'invalid_value',
      );
    return {
      name: t.name,
      description: t.description,
      input_schema: t.parameters ?? { type: 'object', properties: {} },
    };
  });
}

function applyChoice(choice, chat) {
  if (!given(choice) || choice === 'auto') return;
  const wrong = () =>
    invalid(
      'tool_choice must be none, auto, required, or name one of tools',
      'tool_choice',
      'invalid_value',
    );
  const known = name => {
    if (!chat.tools.some(t => t.name === name)) throw wrong();
  };
  if (choice === 'none') chat.tool_choice = { mode: 'none' };
  else if (choice === 'required' && chat.tools.length) chat.tool_choice = { mode: 'required' };
  else if (choice.type === 'function') {
    known(choice.name);
    chat.tool_choice = { mode: 'required', names: [choice.name] };
  } else if (choice.type === 'allowed_tools') {
    const names = (choice.tools ?? []).map(t => t.name);
    names.forEach(known);
    chat.tools = chat.tools.filter(t => names.includes(t.name));
    chat.tool_choice = { mode: choice.mode };
  } else throw wrong();
}

function formatOf(text) {
  const format = text?.format;
  if (!given(format) || format.type === 'text') return undefined;
  if (format.type === 'json_object') return { type: 'json' };
  if (format.type !== 'json_schema')
    throw invalid(
      'text.format.type must be one of text, json_object, json_schema',
      'text.format.type',
      'invalid_value',
    );
  if (!isObject(format.schema))
    throw invalid(
      'text.format.schema is required',
      'text.format.schema',
      'missing_required_parameter',
    );
  return { type: 'json', schema: format.schema };
}

export function chatOf(body, options) {
  if (!isObject(body)) throw invalid('the body must be a JSON object');
  if (!given(body.model)) throw invalid('model is required', 'model', 'missing_required_parameter');
  if (typeof body.model !== 'string')
    throw invalid('model must be a string', 'model', 'invalid_type');
  for (const [name, why] of Object.entries(REFUSED))
    if (given(body[name]) && body[name] !== false)
      throw invalid(`${name} is not supported: ${why}`, name, 'unsupported_parameter');
  if (body.top_logprobs || body.include?.includes('message.output_text.logprobs'))
    throw invalid(
      'logprobs are not supported',
      body.top_logprobs ? 'top_logprobs' : 'include',
      'unsupported_parameter',
    );
  const effort = body.reasoning?.effort;
  if (given(effort) && !EFFORTS.includes(effort))
    throw invalid(
      `reasoning.effort must be one of ${EFFORTS.join(', ')}`,
      'reasoning.effort',
      'invalid_value',
    );
  const summary = body.reasoning?.summary ?? body.reasoning?.generate_summary;
  if (given(summary) && !['auto', 'concise', 'detailed'].includes(summary))
    throw invalid(
      'reasoning.summary must be one of auto, concise, detailed',
      'reasoning.summary',
      'invalid_value',
    );
  const chat = {
    model: body.model,
    messages: messagesOf(body, options),
    tools: toolsOf(body.tools),
    temperature: number(body, 'temperature', { min: 0, max: 2 }),
    top_p: number(body, 'top_p', { min: 0, max: 1 }),
    max_output_tokens: number(body, 'max_output_tokens', { min: 1, max: Infinity, integer: true }),
    response_format: formatOf(body.text),
    reasoning:
      given(effort) || (given(summary) && options.sendReasoning)
        ? { effort: effort ?? undefined, visible: given(summary) && options.sendReasoning }
        : undefined,
    parallel_tool_calls: body.parallel_tool_calls ?? undefined,
  };
  applyChoice(body.tool_choice, chat);
  chat.model = options.aliases[chat.model] ?? chat.model;
  if (!options.models.includes(chat.model))
    throw new Fail(
      'not_found',
      `The model ${body.model} does not exist or the key may not use it.`,
      { code: 'model_not_found', param: 'model', retry: false },
    );
  return chat;
}

const malformed = () =>
  new Fail('upstream', 'The model produced a tool call that cannot be read.', {
    code: 'malformed_tool_call',
  });
const usageOf = t => ({
  input_tokens: t.input,
  input_tokens_details: { cached_tokens: t.cached, cache_write_tokens: 0 },
  output_tokens: t.output + t.reasoning,
  output_tokens_details: { reasoning_tokens: t.reasoning },
  total_tokens: t.input + t.output + t.reasoning,
});
const INCOMPLETE = { length: 'max_output_tokens', 'content-filter': 'content_filter' };

function shell(body, chat) {
  const echo = (name, otherwise) => body[name] ?? otherwise;
  return {
    id: fresh('resp_'),
    object: 'response',
    created_at: Math.floor(Date.now() / 1000),
    status: 'in_progress',
    background: false,
    error: null,
    incomplete_details: null,
    instructions: echo('instructions', null),
    max_output_tokens: echo('max_output_tokens', null),
    metadata: echo('metadata', {}),
    model: chat.model,
    output: [],
    parallel_tool_calls: echo('parallel_tool_calls', true),
    previous_response_id: null,
    reasoning: { effort: body.reasoning?.effort ?? null, summary: body.reasoning?.summary ?? null },
    store: echo('store', true),
    temperature: echo('temperature', null),
    text: { format: { type: 'text' }, ...body.text },
    tool_choice: echo('tool_choice', 'auto'),
    tools: echo('tools', []),
    top_p: echo('top_p', null),
    truncation: 'disabled',
    usage: null,
  };
}

// Yields stream events without their numbers; the last one holds the whole response.
async function* events(source, chat, body, options) {
  const response = shell(body, chat);
  const visible = chat.reasoning?.visible;
  let usage = { input: 0, output: 0, reasoning: 0, cached: 0 };
  let finish = 'stop';
  let open = null;
  let begun = false;
  const at = () => ({ item_id: open.item.id, output_index: response.output.length });
  const text = p => ({ type: 'output_text', text: p, annotations: [], logprobs: [] });
  function* begin() {
    if (begun) return;
    begun = true;
    yield { type: 'response.created', response: { ...response } };
    yield { type: 'response.in_progress', response: { ...response } };
  }
  function* start(item) {
    yield* close();
    open = { item, text: '', part: null };
    yield {
      type: 'response.output_item.added',
      output_index: response.output.length,
      item: { ...item },
    };
  }
  function* close(status = 'completed') {
    if (!open) return;
    const { item } = open;
    if (item.type === 'message') {
      yield {
        type: 'response.output_text.done',
        ...at(),
        content_index: 0,
        text: open.text,
        logprobs: [],
      };
      yield {
        type: 'response.content_part.done',
        ...at(),
        content_index: 0,
        part: text(open.text),
      };
      item.content = [text(open.text)];
    } else if (item.type === 'reasoning' && open.part) {
      yield {
        type: 'response.reasoning_summary_text.done',
        ...at(),
        summary_index: 0,
        text: open.shown,
      };
      yield {
        type: 'response.reasoning_summary_part.done',
        ...at(),
        summary_index: 0,
        part: { type: 'summary_text', text: open.shown },
      };
      item.summary = [{ type: 'summary_text', text: open.shown }];
    }
    if (item.type === 'reasoning' && open.metadata)
      item.encrypted_content = opaque({
        type: 'reasoning',
        text: open.text,
        metadata: open.metadata,
      });
    if (item.type !== 'reasoning') item.status = status;
    yield {
      type: 'response.output_item.done',
      output_index: response.output.length,
      item: { ...item },
    };
    response.output.push(item);
    if (body.store !== false)
      (options.items ??= new Map()).set(
        options.caller + item.id,
        open.part0 ??
          (item.type === 'message'
            ? { type: 'text', text: open.text }
            : { type: 'reasoning', text: open.text, metadata: open.metadata }),
      );
    open = null;
  }
  for await (const e of source) {
    if (e.type === 'finish') {
      if (e.reason === 'error') throw malformed();
      finish = e.reason;
      continue;
    }
    yield* begin();
    if (e.type === 'usage') usage = e.total;
    else if (e.type === 'text' && e.text) {
      if (open?.item.type !== 'message') {
        yield* start({
          id: fresh('msg_'),
          type: 'message',
          status: 'in_progress',
          role: 'assistant',
          content: [],
        });
        yield { type: 'response.content_part.added', ...at(), content_index: 0, part: text('') };
      }
      open.text += e.text;
      yield {
        type: 'response.output_text.delta',
        ...at(),
        content_index: 0,
        delta: e.text,
        logprobs: [],
      };
    } else if (e.type === 'reasoning' && (e.metadata || visible)) {
      if (open?.item.type !== 'reasoning')
        yield* start({ id: fresh('rs_'), type: 'reasoning', summary: [] });
      open.text += e.text;
      open.metadata = e.metadata ?? open.metadata;
      if (!visible || !e.text) continue;
      if (!open.part) {
        open.part = true;
        open.shown = '';
        yield {
          type: 'response.reasoning_summary_part.added',
          ...at(),
          summary_index: 0,
          part: { type: 'summary_text', text: '' },
        };
      }
      open.shown += e.text;
      yield {
        type: 'response.reasoning_summary_text.delta',
        ...at(),
        summary_index: 0,
        delta: e.text,
      };
    } else if (e.type === 'tool-call') {
      const item = {
        id: fresh('fc_'),
        type: 'function_call',
        status: 'in_progress',
        arguments: '',
        call_id: callId('call_', e.metadata),
        name: e.name,
      };
      yield* start(item);
      const args = JSON.stringify(e.input);
      yield { type: 'response.function_call_arguments.delta', ...at(), delta: args };
      yield {
        type: 'response.function_call_arguments.done',
        ...at(),
        name: e.name,
        arguments: args,
      };
      item.arguments = args;
      open.part0 = {
        type: 'tool-call',
        id: item.call_id,
        name: e.name,
        input: e.input,
        metadata: e.metadata,
      };
      yield* close();
    }
  }
  yield* begin();
  const reason = INCOMPLETE[finish];
  yield* close(reason ? 'incomplete' : 'completed');
  Object.assign(response, {
    status: reason ? 'incomplete' : 'completed',
    incomplete_details: reason ? { reason } : null,
    usage: usageOf(usage),
  });
  yield { type: `response.${response.status}`, response };
}

export async function completion(source, chat, body, options) {
  let last;
  for await (const e of events(source, chat, body, options)) last = e;
  return last.response;
}

const encode = (e, n) =>
  `event: ${e.type}\ndata: ${JSON.stringify({ ...e, sequence_number: n })}\n\n`;
export async function* chunks(source, chat, body, options) {
  let n = 0;
  let shellSent;
  try {
    for await (const e of events(source, chat, body, options)) {
      shellSent ??= e.response;
      yield encode(e, n++);
    }
  } catch (error) {
    if (!shellSent) throw error;
    const fail = error instanceof Fail ? error : new Fail('upstream', 'The gateway failed.');
    const { message, type, param, code } = errorBody(fail).error;
    const kind =
      type === 'invalid_request_error'
        ? 'invalid_prompt'
        : type === 'rate_limit_error'
          ? 'rate_limit_exceeded'
          : 'server_error';
    yield encode(
      {
        type: 'error',
        code: code ?? type,
        message,
        param,
        error: { type, code: code ?? type, message, param },
      },
      n++,
    );
    yield encode(
      {
        type: 'response.failed',
        response: { ...shellSent, status: 'failed', error: { code: kind, message } },
      },
      n++,
    );
  }
}
