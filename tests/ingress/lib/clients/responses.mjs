// The official `openai` package at /v1/responses; with KIT_OLD_CLIENTS the major version before.
const { default: OpenAI } = await import(process.env.KIT_OLD_CLIENTS ? 'openai-5' : 'openai');

const client = (ctx, turn) =>
  new OpenAI({
    apiKey: turn.key ?? ctx.key,
    baseURL: `${ctx.target}/v1`,
    maxRetries: turn.maxRetries ?? 0,
    fetch: ctx.fetch,
    timeout: 15000,
    defaultHeaders: turn.headers,
    organization: 'org-kit',
    project: 'proj_kit',
  });
const plain = value => JSON.parse(JSON.stringify(value));

// What a program keeps of an output item: all of it, the documented members that matter, or a reference to it.
const KEPT = {
  whole: item => item,
  bare: item =>
    item.type === 'function_call'
      ? { type: item.type, call_id: item.call_id, name: item.name, arguments: item.arguments }
      : item.type === 'message'
        ? { role: 'assistant', content: item.content }
        : item,
  reference: item => ({ type: 'item_reference', id: item.id }),
};
const listed = input => (typeof input === 'string' ? [{ role: 'user', content: input }] : input);

function bodyOf(ctx, turn) {
  if (!turn.continue) return turn.body;
  const { body, output } = ctx.previous;
  const { toolResults = {}, user, keep = 'whole', drop = [] } = turn.continue;
  const said = output.filter(item => !drop.includes(item.type)).map(KEPT[keep]);
  const results = output
    .filter(item => item.type === 'function_call')
    .map(item => ({
      type: 'function_call_output',
      call_id: item.call_id,
      output: toolResults[item.name],
    }));
  return {
    ...body,
    ...turn.body,
    input: [
      ...listed(body.input),
      ...said,
      ...results,
      ...(user ? [{ role: 'user', content: user }] : []),
    ],
  };
}

// The name of an event, with the kind of the item where that is what matters.
const nameOf = e => (/^response\.output_item\./.test(e.type) ? `${e.type}:${e.item.type}` : e.type);

export const clients = {
  async responses(ctx, turn) {
    const body = bodyOf(ctx, turn);
    const { data, response } = await client(ctx, turn)
      .responses.create(body, { signal: ctx.signal })
      .withResponse();
    ctx.previous = { body, output: data.output };
    return { ...plain(data), requestId: response.headers.get('x-request-id') };
  },

  async 'responses-stream'(ctx, turn) {
    const body = { ...bodyOf(ctx, turn), stream: true };
    const stream = await client(ctx, turn).responses.create(body, { signal: ctx.signal });
    const result = { deltas: [], reasoning: [], arguments: [], types: [] };
    ctx.partial = result;
    for await (const event of stream) {
      const name = nameOf(event);
      if (result.types.at(-1) !== name) result.types.push(name);
      if (event.type === 'response.output_text.delta') result.deltas.push(event.delta);
      if (event.type === 'response.reasoning_summary_text.delta')
        result.reasoning.push(event.delta);
      if (event.type === 'response.function_call_arguments.done')
        result.arguments.push(event.arguments);
      if (event.response) result.response = plain(event.response);
      if (turn.abortAfter && result.deltas.length >= turn.abortAfter) {
        ctx.abort();
        break;
      }
    }
    ctx.previous = { body, output: result.response.output };
    return result;
  },

  // turn.times streams at once; {i} in the body is the number of the stream.
  async 'responses-parallel'(ctx, turn) {
    const api = client(ctx, turn);
    const one = async i => {
      const body = JSON.parse(JSON.stringify(turn.body).replaceAll('{i}', String(i)));
      return plain(await api.responses.stream(body).finalResponse());
    };
    const all = await Promise.all([...Array(turn.times).keys()].map(one));
    return {
      texts: all.map(r => r.output[0].content[0].text),
      ids: new Set(all.map(r => r.id)).size,
      items: new Set(all.map(r => r.output[0].id)).size,
    };
  },

  // The stream helper: events with snapshots, and the accumulated response.
  async 'responses-helper'(ctx, turn) {
    const body = bodyOf(ctx, turn);
    const deltas = [];
    const snapshots = [];
    const stream = client(ctx, turn).responses.stream(body, { signal: ctx.signal });
    ctx.partial = { deltas };
    stream.on('response.output_text.delta', e => {
      deltas.push(e.delta);
      snapshots.push(e.snapshot);
    });
    const response = plain(await stream.finalResponse());
    ctx.previous = { body, output: response.output };
    return { response, deltas, snapshots };
  },

  async 'responses-parse'(ctx, turn) {
    const response = await client(ctx, turn).responses.parse(turn.body);
    return { ...plain(response), output_parsed: response.output_parsed ?? null };
  },
};
