// The requests of this client. The gateway's address comes from the settings, the headers that
// prove who sends them from the host: the extension or the web page.
import { refused, unreachable } from './trouble.js';
import { transportTo } from './sdk.js';

/// Tools that run in the gateway, at the tool servers of its configuration. A chat with a workflow
/// is offered only tools that it announces.
const gatewayTools = ['notes_list', 'notes_add']
  .map(name => ({ name, mcp: { executionLocation: 'backend' } }));

export function connect({ address, token }, host) {
  const headers = { ...host.headers, ...(token && { Authorization: `Bearer ${token}` }) };

  /// Why there is no response. A browser does not show one to its preflight, such as a 421; it does
  /// to a request that needs none.
  async function reason() {
    const probe = await fetch(`${address}/health`).catch(() => undefined);
    return !probe || probe.ok ? unreachable(address) : refused(probe, address);
  }

  async function request(url, options = {}) {
    const all = { ...options, headers: { ...options.headers, ...headers } };
    const response = await fetch(url, all).catch(async error => {
      throw error.name === 'AbortError' ? error : await reason();
    });
    if (!response.ok) throw await refused(response, address);
    return response;
  }

  const toolSchemas = Object.entries(host.tools)
    .map(([name, { description, inputSchema }]) => ({ name, description, inputSchema }))
    .concat(gatewayTools);

  return {
    /// For useChat. `more()` returns further members of each request, `onSend` gets its messages.
    transport: (more, onSend) => transportTo({
      api: `${address}/api/chat`,
      fetch: request,
      prepareSendMessagesRequest: async ({ id, messages, trigger, messageId }) => {
        onSend(messages);
        return { body: { id, messages, trigger, messageId, toolSchemas, ...(await more()) } };
      },
    }),

    /// A response that can be resumed goes on when its client leaves, so stopping is a request.
    stop: id => request(`${address}/api/chat/${id}/stream`, { method: 'DELETE' }),

    workflows: async () => (await (await request(`${address}/api/workflows`)).json()).workflows,
  };
}
