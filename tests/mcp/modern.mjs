// A server of the official SDK that speaks 2026-07-28: only that, or what came before as well.
//
//   node modern.mjs new|both [PORT]      over pipes without a port
import http from 'node:http';
import { McpServer, createMcpHandler, fromJsonSchema } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';

const [eras, port] = process.argv.slice(2);

function server() {
  const made = new McpServer({ name: 'modern', version: '1.0.0' });
  const inputSchema = fromJsonSchema({ type: 'object', properties: { message: { type: 'string' } } });
  made.registerTool('echo', { description: 'Echoes.', inputSchema }, async ({ message }) => ({ content: [{ type: 'text', text: `Echo: ${message}` }] }));
  return made;
}

async function answer(handler, request, response) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const body = pieces.length ? Buffer.concat(pieces) : undefined;
  const got = await handler.fetch(new Request(`http://127.0.0.1${request.url}`, { method: request.method, headers: request.headers, body }));
  response.writeHead(got.status, Object.fromEntries(got.headers));
  response.flushHeaders();
  for await (const piece of got.body ?? []) response.write(piece);
  response.end();
}

if (port) {
  const handler = createMcpHandler(server, { legacy: eras === 'new' ? 'reject' : 'stateless' });
  http.createServer((request, response) => answer(handler, request, response)).listen(Number(port), '127.0.0.1');
} else {
  await serveStdio(server, { legacy: eras === 'new' ? 'reject' : 'serve' });
}
