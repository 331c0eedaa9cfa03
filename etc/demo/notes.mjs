// A tool server for the demo: notes that live as long as the gateway. It speaks the Model Context
// Protocol over its standard input and output, one JSON-RPC message a line.
import { createInterface } from 'node:readline';

const MOST_NOTES = 100;
const notes = [];

const tools = {
  list: {
    description: 'Lists the notes of the user.',
    inputSchema: { type: 'object' },
    call: () => notes.map((note, i) => `${i + 1}. ${note}`).join('\n') || 'There are no notes.',
  },
  add: {
    description: 'Adds a note for the user.',
    inputSchema: {
      type: 'object',
      properties: { text: { type: 'string', description: 'What to remember.' } },
      required: ['text'],
    },
    call: ({ text }) => {
      if (notes.length === MOST_NOTES) throw new Error('There is no room for another note.');
      return `Note ${notes.push(String(text))} was added.`;
    },
  },
};

const methods = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'notes', version: '1.0.0' },
  }),
  ping: () => ({}),
  'tools/list': () => ({
    tools: Object.entries(tools).map(([name, { call, ...about }]) => ({ name, ...about })),
  }),
  'tools/call': ({ name, arguments: input = {} }) => {
    try {
      return { content: [{ type: 'text', text: tools[name].call(input) }] };
    } catch (error) {
      return { isError: true, content: [{ type: 'text', text: error.message }] };
    }
  },
};

function respond({ id, method, params = {} }) {
  const result = methods[method]?.(params);
  const outcome = result ? { result } : { error: { code: -32601, message: `no ${method} here` } };
  console.log(JSON.stringify({ jsonrpc: '2.0', id, ...outcome }));
}

createInterface({ input: process.stdin }).on('line', line => {
  const message = JSON.parse(line);
  if (message.id !== undefined) respond(message);  // notifications have no id and get no response
});
