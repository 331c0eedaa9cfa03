// A server of the official SDK that speaks 2026-07-28, alone or with the revisions before.
//
//   node modern.mjs new|both [PORT]      over pipes without a port
import http from 'node:http';
import { McpServer, createMcpHandler, fromJsonSchema } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';

const [eras, port] = process.argv.slice(2);

function server() {
  const made = new McpServer({ name: 'modern', version: '1.0.0' });
  const properties = { message: { type: 'string' } };
  const inputSchema = fromJsonSchema({ type: 'object', properties });
  const echo = async ({ message }) => ({ content: [{ type: 'text', text: `Echo: ${message}` }] });
  made.registerTool('echo', { description: 'Echoes.', inputSchema }, echo);
  return made;
}

async function respond(handler, request, response) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const body = pieces.length ? Buffer.concat(pieces) : undefined;
  const { method, headers } = request;
  const url = `http://127.0.0.1${request.url}`;
  const got = await handler.fetch(new Request(url, { method, headers, body }));
  response.writeHead(got.status, Object.fromEntries(got.headers));
  response.flushHeaders();
  for await (const piece of got.body ?? []) response.write(piece);
  response.end();
}

if (port) {
  const handler = createMcpHandler(server, { legacy: eras === 'new' ? 'reject' : 'stateless' });
  http
    .createServer((request, response) => respond(handler, request, response))
    .listen(Number(port), '127.0.0.1');
} else {
  await serveStdio(server, { legacy: eras === 'new' ? 'reject' : 'serve' });
}
