// Rules that every response of /v1/responses and every event of its streams has to keep, whatever the scenario is about.
import { isDeepStrictEqual } from 'node:util';

const isObject = v => typeof v === 'object' && v !== null && !Array.isArray(v);
const text = v => typeof v === 'string' && v.length > 0;
const count = v => Number.isInteger(v) && v >= 0;
const STATUS = ['completed', 'incomplete'];
const PREFIX = { message: 'msg_', function_call: 'fc_', reasoning: 'rs_' };
// Members that the types of `openai` promise in every response.
const PROMISED = [
  'id',
  'object',
  'created_at',
  'status',
  'error',
  'incomplete_details',
  'instructions',
  'metadata',
  'model',
  'output',
  'parallel_tool_calls',
  'temperature',
  'tool_choice',
  'tools',
  'top_p',
  'text',
  'usage',
];

export function wholeResponse(r, rule) {
  shell(r, rule);
  rule(STATUS.includes(r.status), `status must be one of ${STATUS}`);
  rule(r.error === null, 'error must be null: a failure has a status of its own');
  ended(r, rule);
}

function shell(r, rule) {
  if (!isObject(r)) return rule(false, 'a response must be an object');
  for (const name of PROMISED) rule(name in r, `response.${name} must be present`);
  rule(
    r.object === 'response' && /^resp_.+/.test(r.id ?? '') && text(r.model),
    'a response needs object response, id resp_…, model',
  );
  rule(
    Number.isInteger(r.created_at) && Math.abs(r.created_at - Date.now() / 1000) < 120,
    'created_at must be the time in seconds',
  );
  rule(
    Array.isArray(r.output) && Array.isArray(r.tools) && isObject(r.text),
    'output and tools are arrays, text is an object',
  );
  rule(typeof r.parallel_tool_calls === 'boolean', 'parallel_tool_calls must be true or false');
}

function ended(r, rule) {
  for (const i of r.output ?? []) item(i, rule);
  const ids = (r.output ?? []).map(i => i.id);
  rule(new Set(ids).size === ids.length, 'ids of items must differ');
  rule(
    (r.status === 'incomplete') === isObject(r.incomplete_details),
    'incomplete_details belong to status incomplete',
  );
  if (r.status === 'incomplete')
    rule(
      ['max_output_tokens', 'content_filter'].includes(r.incomplete_details?.reason),
      'incomplete_details.reason must be max_output_tokens or content_filter',
    );
  usage(r.usage, rule);
}

function usage(u, rule) {
  rule(
    isObject(u) &&
      [
        u.input_tokens,
        u.output_tokens,
        u.total_tokens,
        u.input_tokens_details?.cached_tokens,
        u.output_tokens_details?.reasoning_tokens,
      ].every(count),
    'usage needs integer input_tokens, output_tokens, total_tokens and their details',
  );
  if (isObject(u))
    rule(u.input_tokens + u.output_tokens === u.total_tokens, 'usage.total_tokens must be the sum');
}

function item(i, rule) {
  rule(
    PREFIX[i?.type] && i.id?.startsWith(PREFIX[i.type]),
    `an item has type and id, message msg_…, function_call fc_…, reasoning rs_…, not ${i?.type} ${i?.id}`,
  );
  if (i?.type === 'message') {
    rule(
      i.role === 'assistant' && ['completed', 'incomplete'].includes(i.status),
      'a message needs role assistant and a status',
    );
    rule(i.content?.length === 1, 'a message has one part');
    part(i.content?.[0], rule);
  } else if (i?.type === 'function_call') {
    let args;
    try {
      args = JSON.parse(i.arguments);
    } catch {
      /* not JSON */
    }
    rule(
      text(i.call_id) && text(i.name) && i.status === 'completed',
      'a function_call needs call_id, name, status completed',
    );
    rule(isObject(args), 'arguments must be the JSON text of an object');
  } else if (i?.type === 'reasoning') {
    rule(
      Array.isArray(i.summary) && i.summary.every(s => s.type === 'summary_text' && text(s.text)),
      'a summary is an array of summary_text',
    );
    rule(
      i.encrypted_content === undefined ||
        i.encrypted_content === null ||
        text(i.encrypted_content),
      'encrypted_content must be a text, null or absent',
    );
  }
}

function part(p, rule, empty = false) {
  rule(
    p?.type === 'output_text' &&
      (empty ? p.text === '' : text(p.text)) &&
      Array.isArray(p.annotations),
    `a part must be an output_text with ${empty ? 'text ""' : 'a text'} and annotations`,
  );
}

export function responseStream({ events, headers, requestBody, ended: whole }, rule) {
  rule(!headers['content-encoding'], 'a stream must not be encoded');
  rule(requestBody?.stream === true, 'an event stream answers only requests with stream: true');
  rule(
    events.every(e => isObject(e.json) && e.event === e.json.type),
    'every event is JSON whose type is the event name; there is no [DONE]',
  );
  const all = events.map(e => e.json).filter(isObject);
  rule(
    all.every((e, i) => e.sequence_number === i),
    'sequence_number counts from 0',
  );
  const [created, started] = all;
  rule(
    created?.type === 'response.created' && started?.type === 'response.in_progress',
    'a stream begins with response.created, response.in_progress',
  );
  for (const e of [created, started]) {
    shell(e?.response, rule);
    rule(
      e?.response?.status === 'in_progress' &&
        e.response.output?.length === 0 &&
        e.response.usage === null,
      'at first a response is in_progress, without output and usage',
    );
  }
  const snapshots = all.filter(e => e.response).map(e => e.response);
  for (const name of ['id', 'created_at', 'model'])
    rule(
      snapshots.every(r => r[name] === created?.response?.[name]),
      `${name} must be the same in all snapshots`,
    );
  const done = body(all.slice(2), rule);
  if (whole) end(all, done, rule);
}

// The events between the first two and the last: one item open at a time. Returns the items that are done.
function body(events, rule) {
  const done = [];
  let open = null;
  const is = (ok, why) => rule(ok, why);
  for (const e of events) {
    const kind = e.type.replace(/^response\./, '');
    if (/^(completed|incomplete|failed)$|^error$/.test(kind)) {
      if (kind === 'completed' || kind === 'incomplete')
        is(open === null, 'items must be done before the response is');
      continue;
    }
    is(e.output_index === done.length, 'output_index counts the items');
    if (kind === 'output_item.added') {
      is(open === null, 'an item must be done before the next one begins');
      open = { item: e.item, text: '', said: false, part: null };
      is(e.item?.id?.startsWith(PREFIX[e.item.type] ?? '?'), 'an item begins with its type and id');
      if (e.item?.type === 'message')
        is(
          e.item.content?.length === 0 &&
            e.item.role === 'assistant' &&
            e.item.status === 'in_progress',
          'a message begins in_progress with content []',
        );
      if (e.item?.type === 'function_call')
        is(
          e.item.arguments === '' &&
            text(e.item.call_id) &&
            text(e.item.name) &&
            e.item.status === 'in_progress',
          'a function_call begins in_progress with call_id, name, arguments ""',
        );
      if (e.item?.type === 'reasoning')
        is(e.item.summary?.length === 0, 'reasoning begins with summary []');
    } else if (kind === 'output_item.done') {
      item(e.item, rule);
      is(
        open?.item.id === e.item?.id &&
          open?.item.type === e.item?.type &&
          open?.item.call_id === e.item?.call_id,
        'output_item.done must be of the open item',
      );
      is(open?.part !== 'open', 'a part must be done before its item');
      const said = {
        message: e.item?.content?.[0]?.text,
        function_call: e.item?.arguments,
        reasoning: e.item?.summary?.map(s => s.text).join(''),
      }[e.item?.type];
      is(said === open?.text, 'the deltas must join to what the item holds');
      done.push(e.item);
      open = null;
    } else {
      is(open?.item.id === e.item_id, `${kind} must belong to the open item`);
      inner(kind, e, open ?? {}, is, rule);
    }
  }
  return done;
}

function inner(kind, e, open, is, rule) {
  const type = open.item?.type;
  const [of, begin, delta, finish, close] =
    type === 'message'
      ? [
          e.content_index,
          'content_part.added',
          'output_text.delta',
          'output_text.done',
          'content_part.done',
        ]
      : type === 'reasoning'
        ? [
            e.summary_index,
            'reasoning_summary_part.added',
            'reasoning_summary_text.delta',
            'reasoning_summary_text.done',
            'reasoning_summary_part.done',
          ]
        : [0, null, 'function_call_arguments.delta', 'function_call_arguments.done', null];
  is(of === 0, 'an item has one part, with index 0');
  if (kind === begin) {
    is(open.part === null, 'a part begins once');
    if (type === 'message') part(e.part, rule, true);
    else
      is(
        e.part?.type === 'summary_text' && e.part.text === '',
        'a summary part begins with text ""',
      );
    open.part = 'open';
  } else if (kind === delta) {
    is(begin === null || open.part === 'open', 'a delta needs an open part');
    is(text(e.delta) && !open.finished, 'a delta holds a text, before done');
    open.text += e.delta;
  } else if (kind === finish) {
    is(
      (type === 'function_call' ? e.arguments : e.text) === open.text,
      'done repeats what the deltas said',
    );
    if (type === 'function_call')
      is(e.name === open.item.name, 'function_call_arguments.done names the function');
    open.finished = true;
  } else if (kind === close) {
    is(open.finished && e.part?.text === open.text, 'a part is done after its text, and holds it');
    open.part = 'done';
  } else is(false, `${kind} is not expected in ${type}`);
}

function end(all, done, rule) {
  const last = all.at(-1);
  const at = all.findIndex(e => e.type === 'error');
  rule(
    all.filter(e => /^response\.(completed|incomplete|failed)$/.test(e.type)).length === 1,
    'a stream has one last event: response.completed, .incomplete or .failed',
  );
  rule((last?.type === 'response.failed') === at >= 0, 'error and response.failed belong together');
  if (last?.type === 'response.failed') {
    // `openai` and LangChain fail only for a member `error`, AI SDK 5 reads only error.*, AI SDK 6 also takes the members beside it, Codex reads response.failed.
    const e = all[at];
    rule(at === all.length - 2, 'the error stands directly before response.failed');
    rule(
      text(e?.message) && 'code' in (e ?? {}) && 'param' in (e ?? {}),
      'an error event needs message, code, param',
    );
    rule(
      isObject(e?.error) &&
        ['type', 'code', 'message'].every(k => text(e.error[k])) &&
        'param' in e.error,
      'an error event needs error {type, code, message, param}',
    );
    rule(
      last.response?.status === 'failed' &&
        text(last.response.error?.code) &&
        text(last.response.error?.message),
      'a failed response has status failed and error {code, message}',
    );
    return;
  }
  shell(last?.response, rule);
  rule(
    last?.response?.status === last?.type?.replace('response.', ''),
    'the status is that of the last event',
  );
  rule(last?.response?.error === null, 'error must be null');
  ended(last?.response ?? {}, rule);
  rule(
    isDeepStrictEqual(last?.response?.output, done),
    'the last snapshot holds the items as they were done',
  );
}
