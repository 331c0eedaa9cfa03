// Random conversations, tools and answers, of what the reference and the contract agree on. A seed gives the same scenario each time.
const TEXTS = ['hello', 'ünïcode 😀', 'line\nbreak', 'a'.repeat(300), '\u2028', '"quoted" \\ / \t', '0', ' padded '];
const KEYS = ['a', 'b', 'c d', '', '0', 'é', 'type'];
const PNG = 'iVBORw0KGgo=';
const TOOLS = ['read', 'read-page', 'a.b', 'x_1'];

// mulberry32: small, and the same everywhere.
function generator(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function randomScenario(seed) {
  const random = generator(seed);
  const below = count => Math.floor(random() * count);
  const pick = list => list[below(list.length)];
  const often = chance => random() < chance;
  const several = (least, most, make) => Array.from({ length: least + below(most - least + 1) }, make);
  let calls = 0;

  function value(depth = 0) {
    switch (below(depth < 3 ? 7 : 4)) {
      case 0: return pick([null, true, false]);
      case 1: return pick([0, 1, -1, 1.5, 1e21, 2 ** 53, 0.1, 1e-7]);
      case 2: case 3: return pick(TEXTS);
      case 4: return several(0, 3, () => value(depth + 1));
      default: return record(depth);
    }
  }
  const record = depth => Object.fromEntries(several(0, 3, () => [pick(KEYS), value(depth + 1)]));
  const signed = (part, key) => (often(0.3) ? { ...part, [key]: { google: { thoughtSignature: pick(['SIG', 'c2ln']) } } } : part);

  function toolPart() {
    const toolName = pick(TOOLS);
    const kind = often(0.3) ? { type: 'dynamic-tool', toolName } : { type: `tool-${toolName}` };
    const end = often(0.8) ? { state: 'output-available', output: value() } : { state: 'output-error', errorText: pick(TEXTS) };
    return signed({ ...kind, toolCallId: `call-${++calls}`, input: record(0), ...end }, 'callProviderMetadata');
  }

  // What a step says comes before what it calls; a step that calls nothing is the last one.
  const step = called => [
    { type: 'step-start' },
    ...(often(0.3) ? [signed({ type: 'reasoning', text: pick(TEXTS), state: 'done' }, 'providerMetadata')] : []),
    ...(often(0.7) || !called ? [signed({ type: 'text', text: pick(TEXTS), state: 'done' }, 'providerMetadata')] : []),
    ...(often(0.2) ? [pick([{ type: 'source-url', sourceId: 's', url: 'https://example.org' }, { type: 'data-x', data: value() }])] : []),
    ...(called ? several(1, 3, toolPart) : []),
  ];
  const assistant = () => ({ id: `a${below(1e6)}`, role: 'assistant', parts: [...several(0, 2, () => step(true)).flat(), ...step(false)] });

  const userPart = () => pick([
    () => ({ type: 'text', text: pick(TEXTS) }),
    () => ({ type: 'file', mediaType: 'image/png', url: `data:image/png;base64,${PNG}`, ...(often(0.3) ? { filename: 'f.png' } : {}) }),
    () => ({ type: 'file', mediaType: 'application/pdf', url: 'data:application/pdf;base64,JVBERg==' }),
    () => ({ type: 'data-y', data: {} }),
  ])();
  const user = () => ({ id: `u${below(1e6)}`, role: 'user', parts: [{ type: 'text', text: pick(TEXTS) }, ...several(0, 2, userPart)] });

  function schema(depth = 0) {
    switch (below(depth < 3 ? 6 : 3)) {
      case 0: return { type: pick(['string', 'number', 'integer', 'boolean']), ...(often(0.3) ? { description: pick(TEXTS) } : {}) };
      case 1: return { type: 'string', enum: ['a', 'b'] };
      case 2: return { type: 'string' };
      case 3: return { type: 'array', items: schema(depth + 1) };
      default: return objectSchema(depth);
    }
  }
  function objectSchema(depth) {
    const properties = Object.fromEntries(['p', 'q', 'type', 'properties'].filter(() => often(0.4)).map(name => [name, schema(depth + 1)]));
    const required = Object.keys(properties).filter(() => often(0.5));
    return { type: 'object', properties, ...(required.length ? { required } : {}) };
  }
  const tool = name => ({ name, description: pick(TEXTS), inputSchema: { ...objectSchema(0), properties: { x: schema(1), y: schema(1) }, required: ['x'] } });

  const part = () => pick([
    () => ({ text: pick(TEXTS) }),
    () => ({ text: pick(TEXTS), ...(often(0.3) ? { thoughtSignature: 'S1' } : {}) }),
    () => ({ text: pick(TEXTS), thought: true, ...(often(0.3) ? { thoughtSignature: 'S2' } : {}) }),
    () => ({ functionCall: { name: pick(['t1', 't2']), args: record(0), ...(often(0.3) ? { id: `id${++calls}` } : {}) }, ...(often(0.5) ? { thoughtSignature: 'S3' } : {}) }),
    () => ({ inlineData: { mimeType: 'image/png', data: PNG } }),
    () => ({ text: 'x', partMetadata: { x: 1 } }),
  ])();
  function event(parts, ending = {}) {
    const usage = { promptTokenCount: below(9), candidatesTokenCount: below(9), totalTokenCount: below(30), ...(often(0.3) ? { thoughtsTokenCount: 3 } : {}) };
    return { candidates: [{ content: { role: 'model', parts }, index: 0, ...ending }], ...(often(0.5) ? { usageMetadata: usage } : {}), modelVersion: 'gemini-2.5-flash' };
  }
  function answer() {
    const grounding = often(0.15) ? { groundingMetadata: { groundingChunks: several(1, 2, () => ({ web: { uri: `https://e.example/${below(3)}`, title: 'T' } })) } } : {};
    const finishReason = pick(['STOP', 'STOP', 'STOP', 'MAX_TOKENS', 'SAFETY', 'RECITATION', 'OTHER']);
    return [event([{ text: pick(TEXTS) }, ...several(0, 2, part)]), ...several(0, 2, () => event(several(1, 3, part))), event([{ text: '.' }], { finishReason, ...grounding })];
  }

  const turns = several(0, 2, () => [user(), assistant()]).flat();
  return {
    name: `random ${seed}`,
    body: { toolSchemas: [tool('t1'), tool('t2')], ...(often(0.2) ? { initialPageContext: pick(TEXTS) } : {}) },
    upstream: [{ kind: 'stream', unasked: true, chunks: answer(), ...(often(0.3) ? { split: 7 } : {}) }],
    turns: [{ messages: [...turns, user()] }],
  };
}
