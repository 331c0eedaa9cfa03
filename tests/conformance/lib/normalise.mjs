// Turns an observed run (client turns + upstream requests) into a comparable value: no random ids, no clocks,
// no difference that the contract calls free.
import { createHash } from 'node:crypto';

export function normaliseRun({ turns, requests, mcpCalls }, scenario) {
  const ids = new IdMap(scenario);
  const tolerate = new Set(scenario.tolerate ?? []);
  if (scenario.profile === 'quiet') tolerate.add('empty-reasoning');
  const outTurns = turns.map((turn, i) => normaliseAnyTurn(turn, ids, tolerate, scenario, i));
  return clean({
    turns: outTurns,
    upstream: tolerate.has('attempts') ? requests.slice(0, 1).map(r => normaliseRequest(r, ids, scenario)) : requests.map(r => normaliseRequest(r, ids, scenario)),
    mcpCalls: mcpCalls?.length ? sortByJson(mcpCalls.map(({ tool, args }) => ({ tool, args }))) : undefined,
  });
}

// JSON round trip that drops undefined and replaces huge strings by their digest, so that goldens stay readable.
const LONG = 20000;
const clean = value => JSON.parse(JSON.stringify(value, (key, v) => (typeof v === 'string' && v.length > LONG ? `<${v.length} chars, sha256 ${createHash('sha256').update(v).digest('hex')}>` : v)));
const isEmptyObject = value => value && typeof value === 'object' && Object.keys(value).length === 0;
const sortByJson = list => [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

// Ids that the scenario itself fixes stay; all others are numbered in order of appearance.
class IdMap {
  constructor(scenario) {
    this.fixed = new Set();
    this.known = new Map();
    const walk = (value, key) => {
      if (Array.isArray(value)) value.forEach(v => walk(v));
      else if (value && typeof value === 'object') Object.entries(value).forEach(([k, v]) => walk(v, k));
      else if (typeof value === 'string' && (key === 'id' || key === 'toolCallId')) this.fixed.add(value);
    };
    walk([scenario.upstream, scenario.turns]);
  }
  map(id) {
    if (typeof id !== 'string' || this.fixed.has(id)) return id;
    if (!this.known.has(id)) this.known.set(id, `gen-${this.known.size + 1}`);
    return this.known.get(id);
  }
}

function normaliseRaw({ json, ...turn }) {
  if ('cors' in turn) return { raw: true, preflight: turn.cors === null ? '<no grant>' : turn.status >= 200 && turn.status < 300 ? '2xx' : turn.status, cors: turn.cors, ...(turn.cors ? { allowsExtensionHeaders: turn.allowsExtensionHeaders } : {}) };
  if (turn.status === 405) return normaliseRaw({ ...turn, status: 404, json: { ...json, statusCode: json?.statusCode === 405 ? 404 : json?.statusCode } });
  if (json && typeof json === 'object' && 'statusCode' in json) {
    const { timestamp, message, stack, ...rest } = json;
    const stamped = typeof timestamp === 'string' && !Number.isNaN(Date.parse(timestamp));
    const text = typeof message === 'string' && message !== '';
    return { ...turn, envelope: { ...rest, timestamp: stamped ? '<iso>' : timestamp, message: turn.status === 401 ? message : text ? '<text>' : message } };
  }
  if (turn.status === 200 && json?.status) return { ...turn, health: json.status === 'healthy' || json.status === 'degraded' || json.status === 'ok' ? '<up>' : json.status };
  return { ...turn, json };
}

function normaliseAnyTurn(turn, ids, tolerate, scenario, index) {
  if (turn.raw) return normaliseRaw(turn);
  if (turn.chat) return normaliseChat(turn, ids, tolerate);
  return normaliseTurn(turn, ids, tolerate, scenario, index);
}

function normaliseChat({ messages, errors, ...turn }, ids, tolerate) {
  const errored = errors.length > 0;
  return { ...turn, messages: messages.map(m => canonicalMessage(m, ids, { errored, continuedId: null, tolerate })), errors: errors.length ? errors : undefined };
}

function normaliseTurn(turn, ids, tolerate, scenario, index) {
  if (turn.aborted) return { http: turn.http, chunks: cutAt(canonicalChunks(turn.chunks, ids, tolerate, turn.continuedId), scenario.turns[index].abortAfterChunks), aborted: true };
  const errored = turn.chunks.some(c => c.type === 'error');
  const { continuedId } = turn;
  return {
    http: turn.http,
    chunks: canonicalChunks(turn.chunks, ids, tolerate, continuedId),
    message: turn.message && canonicalMessage(turn.message, ids, { errored, continuedId, tolerate }),
    errors: turn.errors.length ? turn.errors.map(maskClientError) : undefined,
    done: turn.done,
  };
}

const cutAt = (chunks, count) => chunks.slice(0, Math.max(1, count - 2));

// HTTP error bodies reach the client as Error text: keep only the envelope's stable half.
function maskClientError(text) {
  try {
    const { statusCode, path, method } = JSON.parse(text);
    return { statusCode, path, method };
  } catch { return text; }
}

function canonicalChunks(chunks, ids, tolerate, continuedId) {
  let list = chunks.map(({ $at, ...chunk }) => chunk);
  const firstError = list.findIndex(c => c.type === 'error');
  if (firstError >= 0) list = cutAtError(list, firstError);
  if (tolerate.has('empty-reasoning')) list = list.filter(c => !/^reasoning-(start|end)$/.test(c.type));
  list = renameBlocks(list);
  list = mergeToolInput(list, ids);
  if (tolerate.has('delta-boundaries')) list = mergeDeltas(list);
  list = list.map(chunk => canonicalChunk(chunk, ids, continuedId));
  return settleToolOutputs(list);
}

// Everything after the first error chunk is free, and so is closing open blocks just before it.
function cutAtError(list, at) {
  const head = list.slice(0, at);
  while (['text-end', 'reasoning-end', 'finish-step'].includes(head.at(-1)?.type)) head.pop();
  return [...head, list[at]];
}

function renameBlocks(list) {
  const open = new Map();
  let count = 0;
  return list.map(chunk => {
    const kind = chunk.type.match(/^(text|reasoning)-(start|delta|end)$/);
    if (!kind) return chunk;
    const key = `${kind[1]}:${chunk.id}`;
    if (kind[2] === 'start') open.set(key, `${kind[1]}#${count++}`);
    return { ...chunk, id: open.get(key) ?? '<unopened>' };
  });
}

function mergeToolInput(list, ids) {
  const out = [];
  for (const chunk of list) {
    const last = out.at(-1);
    if (chunk.type === 'tool-input-delta' && last?.type === 'tool-input-delta' && last.toolCallId === chunk.toolCallId) last.inputTextDelta += chunk.inputTextDelta;
    else out.push({ ...chunk });
  }
  return out.map(chunk => (chunk.type === 'tool-input-delta' ? { ...chunk, inputTextDelta: { parsed: parseOr(chunk.inputTextDelta) } } : chunk));
}

function mergeDeltas(list) {
  const out = [];
  for (const chunk of list) {
    const last = out.at(-1);
    const same = /^(text|reasoning)-delta$/.test(chunk.type) && last?.type === chunk.type && last.id === chunk.id && !last.providerMetadata && !chunk.providerMetadata;
    if (same) last.delta += chunk.delta;
    else out.push({ ...chunk });
  }
  return out;
}

function canonicalChunk(chunk, ids, continuedId) {
  const out = { ...chunk };
  for (const key of ['toolCallId', 'sourceId']) if (out[key] !== undefined) out[key] = ids.map(out[key]);
  if (out.type === 'start') canonicalStart(out, continuedId);
  if (isEmptyObject(out.messageMetadata)) delete out.messageMetadata;
  if (out.type === 'tool-output-available') out.output = canonicalToolOutput(out.output);
  return out;
}

function canonicalStart(chunk, continuedId) {
  const allowed = continuedId === null || chunk.messageId === continuedId;
  if (chunk.messageId !== undefined) { if (allowed) delete chunk.messageId; else chunk.messageId = '<foreign id on a continued message>'; }
  if (chunk.messageMetadata) chunk.messageMetadata = canonicalMetadata(chunk.messageMetadata);
}

function canonicalMetadata({ createdAt, ...rest }) {
  const recent = typeof createdAt === 'number' && Math.abs(Date.now() - createdAt) < 3600e3;
  return { ...rest, ...(createdAt !== undefined ? { createdAt: recent ? '<ms>' : createdAt } : {}) };
}

function canonicalToolOutput(output) {
  if (output && typeof output === 'object' && Array.isArray(output.content) && output.isError === false) {
    const { isError, ...rest } = output;
    return rest;
  }
  return output;
}

// Results of parallel tools may arrive in any order: list them by call id just before their step ends.
function settleToolOutputs(list) {
  const out = [];
  let held = [];
  const release = () => { out.push(...held.sort((a, b) => (a.toolCallId < b.toolCallId ? -1 : 1))); held = []; };
  for (const chunk of list) {
    if (/^tool-output-/.test(chunk.type)) { held.push(chunk); continue; }
    if (['finish-step', 'error', 'abort', 'finish'].includes(chunk.type)) release();
    out.push(chunk);
  }
  release();
  return out;
}

function canonicalMessage(message, ids, { errored, continuedId, tolerate }) {
  const { id, metadata, ...rest } = message;
  return {
    ...rest,
    ...(continuedId ? { continues: id === continuedId } : {}),
    ...(metadata ? { metadata: canonicalMetadata(metadata) } : {}),
    parts: message.parts
      .filter(part => !(tolerate.has('empty-reasoning') && part.type === 'reasoning' && part.text === ''))
      .map(part => canonicalPart(part, ids, errored)),
  };
}

function canonicalPart(part, ids, errored) {
  const out = { ...part };
  for (const key of ['toolCallId', 'sourceId']) if (out[key] !== undefined) out[key] = ids.map(out[key]);
  if (out.type === 'reasoning') delete out.id;
  if (errored && ['text', 'reasoning'].includes(out.type)) delete out.state;
  if (typeof out.rawInput === 'string') out.rawInput = parseOr(out.rawInput);
  if (out.output !== undefined) out.output = canonicalToolOutput(out.output);
  return out;
}

function normaliseRequest(request, ids, { errorTextFrom = [] }) {
  const body = structuredClone(request.body);
  const violations = request.violations.filter(v => !/parts must not be empty/.test(v));
  if (body?.contents) body.contents = body.contents.filter(c => c.parts?.length); // a turn without parts may be left out
  for (const content of body?.contents ?? []) {
    for (const part of content.parts ?? []) {
      const call = part.functionCall ?? part.functionResponse;
      if (call?.id !== undefined) call.id = ids.map(call.id);
      const response = part.functionResponse?.response;
      if (!response) continue;
      response.content = canonicalToolOutput(response.content);
      if (errorTextFrom.includes(call.name) && typeof response.content === 'string' && response.content) response.content = '<error text>';
    }
    if (content.parts?.length > 1 && content.parts.every(p => p.functionResponse)) content.parts = sortByJson(content.parts);
  }
  for (const tool of body?.tools ?? []) tool.functionDeclarations?.sort((a, b) => (a.name < b.name ? -1 : 1)); // declaration order is free
  return {
    rpc: `${request.model}:${request.rpc}`,
    query: request.query,
    key: request.headers['x-goog-api-key'] === 'conformance-key' ? '<key>' : request.headers['x-goog-api-key'] ?? null,
    contentType: (request.headers['content-type'] ?? '').split(';')[0],
    body,
    ...(violations.length ? { violations } : {}),
  };
}

function parseOr(text) {
  try { return JSON.parse(text); } catch { return text; }
}
