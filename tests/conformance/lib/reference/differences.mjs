// The places where the contract deliberately departs from the AI SDK.
// Kept apart so that `--raw-sdk-errors` can show the SDK's own behaviour.
import { jsonSchema } from 'ai';

// A functionCall without `args` becomes a call with {} (the SDK's response schema drops such a call silently).
export function withMissingArgs(response) {
  if (!response.ok || !response.body || !/event-stream/.test(response.headers.get('content-type') ?? '')) return response;
  let pending = '';
  const fixEvent = event => {
    const data = event.split(/\r?\n/).filter(l => l.startsWith('data:')).map(l => l.slice(5).trimStart()).join('\n');
    try {
      const chunk = JSON.parse(data);
      const calls = (chunk.candidates?.[0]?.content?.parts ?? []).map(p => p.functionCall).filter(c => c && c.args === undefined);
      if (calls.length === 0) return event;
      for (const call of calls) call.args = {};
      return `data: ${JSON.stringify(chunk)}`;
    } catch { return event; }
  };
  const fix = new TransformStream({
    transform(text, out) {
      pending += text;
      const events = pending.split(/\r?\n\r?\n/);
      pending = events.pop();
      for (const event of events) out.enqueue(`${fixEvent(event)}\n\n`);
    },
    flush(out) { if (pending) out.enqueue(pending); },
  });
  const body = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(fix).pipeThrough(new TextEncoderStream());
  return new Response(body, { status: response.status, statusText: response.statusText, headers: response.headers });
}

// A tool schema the converter refuses goes upstream unchanged as parametersJsonSchema instead of failing the whole chat.
export async function withSchemaFallback(model, tools) {
  const refused = {};
  for (const [name, tool] of Object.entries(tools)) {
    try {
      await model.getArgs({ prompt: [], tools: [{ type: 'function', name, inputSchema: tool.inputSchema.jsonSchema }] });
    } catch {
      refused[name] = tool.inputSchema.jsonSchema;
    }
  }
  return refused;
}

export function patchDeclarations(bodyText, refused) {
  if (Object.keys(refused).length === 0) return bodyText;
  const body = JSON.parse(bodyText);
  for (const tool of body.tools ?? []) {
    for (const fn of tool.functionDeclarations ?? []) {
      if (refused[fn.name] === undefined) continue;
      delete fn.parameters;
      fn.parametersJsonSchema = refused[fn.name];
    }
  }
  return JSON.stringify(body);
}

// An upstream connection that breaks after the first byte ends the stream with an error chunk (and the usual [DONE]).
export function withErrorChunk(stream, errorText) {
  const reader = stream.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch {
        controller.enqueue({ type: 'error', errorText });
        controller.close();
      }
    },
    cancel(reason) { return reader.cancel(reason); },
  });
}

// Code execution parts: the SDK crashes on a provider-executed call of a tool it does not know. A hidden entry (never declared upstream) lets them through.
export function withHiddenCodeExecution(tools) {
  const value = { type: 'provider-defined', id: 'google.code_execution', name: 'code_execution', args: {}, inputSchema: jsonSchema({ type: 'object' }) };
  return Object.defineProperty(tools, 'code_execution', { value, enumerable: false });
}

// Data URLs without ;base64 carry percent-encoded bytes; the SDK would pass them on as if they were base64.
export function withBase64DataUrls(messages) {
  const fix = part => {
    const plain = part.type === 'file' && /^data:([^,]*),(.*)$/s.exec(part.url ?? '');
    if (!plain || /;base64$/i.test(plain[1])) return part;
    return { ...part, url: `data:${plain[1]};base64,${Buffer.from(decodeURIComponent(plain[2])).toString('base64')}` };
  };
  return messages.map(message => ({ ...message, parts: message.parts.map(fix) }));
}
