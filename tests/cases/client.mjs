// Plays one conversation with a package `ai`, through DefaultChatTransport and AbstractChat (what
// useChat runs on).
//   node client.mjs PACKAGE URL \
//     '{"say": ["hello"], "tools": {"read": "page"}, "messages": […], "resume": true}'
import { createRequire } from 'node:module';

const [name, url, script] = process.argv.slice(2);
const require = createRequire(new URL('../conformance/package.json', import.meta.url));
const ai = await import(require.resolve(name));

class State {
  status = 'ready';
  constructor(messages) { this.messages = messages; }
  pushMessage = message => { this.messages = [...this.messages, message]; };
  popMessage = () => { this.messages = this.messages.slice(0, -1); };
  replaceMessage = (index, message) => { this.messages = this.messages.with(index, message); };
  snapshot = value => structuredClone(value);
}
class Chat extends ai.AbstractChat {
  constructor({ messages = [], ...rest }) { super({ ...rest, state: new State(messages) }); }
}

const { say = [], tools, messages, resume, body } = JSON.parse(script);
const errors = [];
const finished = [];
const chat = new Chat({
  transport: new ai.DefaultChatTransport({
    api: `${url}/api/chat`,
    headers: { 'X-Extension-ID': 'abcdefghijklmnopabcdefghijklmnop' },
    body,
  }),
  messages,
  ...(tools && {
    sendAutomaticallyWhen: ai.lastAssistantMessageIsCompleteWithToolCalls,
    onToolCall: runTool,
  }),
  onError: error => errors.push(error.message),
  onFinish: ({ message, ...how }) => finished.push(how.finishReason),
});

function runTool({ toolCall: { toolName: tool, toolCallId } }) {
  const addResult = chat.addToolOutput ?? chat.addToolResult;
  if (tool in tools) void addResult.call(chat, { tool, toolCallId, output: tools[tool] });
}

// The chat sends the result of a tool by itself, a moment after the turn that called it.
async function settled() {
  for (let quiet = 0; quiet < 10; quiet++) {
    await new Promise(resolve => setTimeout(resolve, 20));
    if (!['ready', 'error'].includes(chat.status)) quiet = 0;
  }
}

for (const text of say) {
  await chat.sendMessage({ text });
  await settled();
}
if (resume) await chat.resumeStream();
console.log(JSON.stringify({ status: chat.status, errors, finished, messages: chat.messages }));
