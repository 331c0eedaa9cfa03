// @ai-sdk/openai as it comes, whose default is /v1/responses: turn.sdk 5 (default), 6 or 7 with the provider of its time.
const PACKAGES = {
  5: ['ai', '@ai-sdk/openai'],
  6: ['ai6', 'openai-provider-3'],
  7: ['ai7', 'openai-provider-4'],
};
const loaded = async version => Promise.all(PACKAGES[version].map(name => import(name)));
const plain = value => JSON.parse(JSON.stringify(value));

async function prepared(ctx, turn) {
  const [sdk, { createOpenAI }] = await loaded(turn.sdk ?? 5);
  const { model, tools, ...rest } = turn.body;
  const openai = createOpenAI({
    apiKey: turn.key ?? ctx.key,
    baseURL: `${ctx.target}/v1`,
    fetch: ctx.fetch,
    headers: turn.headers,
  });
  const built = Object.fromEntries(
    Object.entries(tools ?? {}).map(([name, t]) => [
      name,
      sdk.tool({
        description: t.description,
        inputSchema: sdk.jsonSchema(t.inputSchema ?? { type: 'object', properties: {} }),
        ...('output' in t ? { execute: async () => t.output } : {}),
      }),
    ]),
  );
  const messages = rest.messages && revive(rest.messages);
  const before = turn.continue
    ? [...ctx.previous, { role: 'user', content: turn.continue.user }]
    : undefined;
  return {
    sdk,
    options: {
      ...rest,
      model: openai(model),
      maxRetries: turn.maxRetries ?? 0,
      abortSignal: ctx.signal,
      ...(tools ? { tools: built, stopWhen: sdk.stepCountIs(5) } : {}),
      ...((before ?? messages) ? { messages: before ?? messages } : {}),
    },
  };
}

// {"$url": "https://…"} stands for a URL object.
const revive = value =>
  Array.isArray(value)
    ? value.map(revive)
    : value?.$url
      ? new URL(value.$url)
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, revive(v)]))
        : value;

async function summary(ctx, turn, r) {
  const steps = await r.steps;
  const said = (await r.response).messages;
  ctx.previous = [
    ...(turn.body.messages ?? [{ role: 'user', content: turn.body.prompt }]),
    ...said,
  ];
  return plain({
    text: await r.text,
    reasoning: await r.reasoningText,
    finishReason: await r.finishReason,
    usage: await r.totalUsage,
    toolCalls: steps.flatMap(s => s.toolCalls.map(c => ({ name: c.toolName, input: c.input }))),
    toolResults: steps.flatMap(s =>
      s.toolResults.map(c => ({ name: c.toolName, output: c.output })),
    ),
    steps: steps.length,
    model: (await r.response).modelId,
  });
}

export const clients = {
  async 'responses-aisdk'(ctx, turn) {
    const { sdk, options } = await prepared(ctx, turn);
    return summary(ctx, turn, await sdk.generateText(options));
  },

  async 'responses-aisdk-stream'(ctx, turn) {
    const { sdk, options } = await prepared(ctx, turn);
    const types = [];
    const deltas = [];
    const errors = [];
    ctx.partial = { deltas, errors };
    const result = sdk.streamText({ ...options, onError: ({ error }) => errors.push(error) });
    for await (const part of result.fullStream) {
      if (part.type === 'text-delta') deltas.push(part.text);
      if (types.at(-1) !== part.type) types.push(part.type);
    }
    if (errors.length) throw errors[0];
    return { ...(await summary(ctx, turn, result)), deltas, types };
  },

  async 'responses-aisdk-object'(ctx, turn) {
    const { schema, ...body } = turn.body;
    const { sdk, options } = await prepared(ctx, { ...turn, body });
    const r = await sdk.generateObject({ ...options, schema: sdk.jsonSchema(schema) });
    return plain({ object: r.object, finishReason: r.finishReason, usage: r.usage });
  },
};
