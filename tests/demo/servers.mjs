// What clients and gateway meet in a test: a model, pages of others, and lines that break.
import http from 'node:http';
import net from 'node:net';
import { once } from 'node:events';

async function start(handle) {
  const server = http.createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = () => { server.closeAllConnections(); server.close(); };
  return { address: `http://127.0.0.1:${server.address().port}`, stop };
}

/// A model that speaks Gemini's API, and keeps what it is sent. `respond(request)` returns the
/// parts of a response, or the status of a failure.
export async function startModel(respond) {
  const requests = [];
  const { address, stop } = await start(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()));
    requests.push(body);
    const parts = respond(body);
    if (typeof parts === 'number') {
      response.writeHead(parts).end();
      return;
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const candidate = { content: { role: 'model', parts }, finishReason: 'STOP' };
    response.end(`data: ${JSON.stringify({ candidates: [candidate] })}\n\n`);
  });
  const provider = `  - gemini: { api_key: none, base_url: "${address}" }\n`;
  return {
    address,
    requests,
    stop,
    /// A configuration with this model in place of its own, and without retries.
    in: config => config.replace(/ {2}- retry\n {2}- gemini.*/s, provider),
  };
}

/// A site with one page, which counts what is fetched of it.
export async function startSite(html) {
  let count = 0;
  const site = await start((_, response) => {
    count += 1;
    response.writeHead(200, { 'Content-Type': 'text/html' }).end(html);
  });
  return { ...site, requests: () => count };
}

/// A line to a gateway: connections go on to `host:port` until they are cut.
export async function startLine(target) {
  const [host, port] = target.split(':');
  const sockets = new Set();
  const server = net.createServer(near => {
    const far = net.connect(Number(port), host);
    for (const [from, to] of [[near, far], [far, near]]) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => {}).on('close', () => { sockets.delete(from); to.destroy(); });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => sockets.forEach(socket => socket.destroy());
  const stop = () => { cut(); server.close(); };
  return { address: `http://127.0.0.1:${server.address().port}`, cut, stop };
}
