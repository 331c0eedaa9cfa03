// LangChain JS: ChatOpenAI with useResponsesApi.
import { ChatOpenAI } from '@langchain/openai';
import { HumanMessage, ToolMessage } from '@langchain/core/messages';

function model(ctx, turn) {
  const { model: name, tools, messages, ...rest } = turn.body;
  const chat = new ChatOpenAI({
    model: name,
    useResponsesApi: true,
    apiKey: turn.key ?? ctx.key,
    maxRetries: turn.maxRetries ?? 0,
    configuration: { baseURL: `${ctx.target}/v1`, fetch: ctx.fetch, defaultHeaders: turn.headers },
    ...rest,
  });
  return { chat: tools ? chat.bindTools(tools) : chat, messages };
}

// turn.continue.toolResults: go on as an agent does, with the model's message as it was received.
function messagesOf(ctx, turn, fresh) {
  if (!turn.continue)
    return fresh.map(m => (m.role === 'user' ? new HumanMessage({ content: m.content }) : m));
  const { messages, said } = ctx.previous;
  const results = said.tool_calls.map(
    c => new ToolMessage({ tool_call_id: c.id, content: turn.continue.toolResults[c.name] }),
  );
  return [
    ...messages,
    said,
    ...results,
    ...(turn.continue.user ? [new HumanMessage(turn.continue.user)] : []),
  ];
}

const short = m => ({
  text: m.text,
  toolCalls: (m.tool_calls ?? []).map(c => ({ name: c.name, args: c.args, id: c.id })),
  usage: m.usage_metadata,
  status: m.response_metadata?.status,
  incomplete: m.response_metadata?.incomplete_details,
  model: m.response_metadata?.model_name,
  reasoning: m.additional_kwargs?.reasoning?.summary?.map(s => s.text).join('') || undefined,
});

const merged = turn =>
  turn.continue ? { ...turn, body: { ...turn.previousBody, ...turn.body } } : turn;
const before = (ctx, turn) => merged({ ...turn, previousBody: ctx.previous?.body });

export const clients = {
  async 'responses-langchain'(ctx, given) {
    const turn = before(ctx, given);
    const { chat, messages: fresh } = model(ctx, turn);
    const messages = messagesOf(ctx, turn, fresh);
    const said = await chat.invoke(messages, { signal: ctx.signal });
    ctx.previous = { body: turn.body, messages, said };
    return short(said);
  },

  async 'responses-langchain-stream'(ctx, given) {
    const turn = before(ctx, given);
    const { chat, messages: fresh } = model(ctx, turn);
    const messages = messagesOf(ctx, turn, fresh);
    let said;
    const deltas = [];
    ctx.partial = { deltas };
    for await (const chunk of await chat.stream(messages, { signal: ctx.signal })) {
      if (chunk.text) deltas.push(chunk.text);
      said = said ? said.concat(chunk) : chunk;
    }
    ctx.previous = { body: turn.body, messages, said };
    return { ...short(said), deltas };
  },

  async 'responses-langchain-structured'(ctx, turn) {
    const { schema, name, ...body } = turn.body;
    const { chat, messages } = model(ctx, { ...turn, body });
    return {
      object: await chat
        .withStructuredOutput(schema, { name, method: 'jsonSchema' })
        .invoke(messages),
    };
  },
};
