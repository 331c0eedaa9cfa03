// A page that asks its user before a tool of the gateway runs: AI SDK 6 and 7, a server with `approval` in `mcp`.
import { useChat } from '@ai-sdk/react';
import { DefaultChatTransport, lastAssistantMessageIsCompleteWithApprovalResponses } from 'ai';
import { createRoot } from 'react-dom/client';

const transport = new DefaultChatTransport({
  api: 'http://127.0.0.1:3000/api/chat',
  body: { accepts: ['tool-approval-request'] },
});

function Part({ part, answer }) {
  if (part.type === 'text') return part.text;
  if (part.state !== 'approval-requested') return null;
  const say = approved => () => answer({ id: part.approval.id, approved });
  return <span>
    Run {part.toolName} with {JSON.stringify(part.input)}?
    <button type="button" onClick={say(true)}>Yes</button>
    <button type="button" onClick={say(false)}>No</button>
  </span>;
}

function Chat() {
  const { messages, sendMessage, addToolApprovalResponse, error } = useChat({
    transport,
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
  });
  return <form action={data => void sendMessage({ text: data.get('text') })}>
    {messages.map(m => <p key={m.id}>
      {m.parts.map((part, i) => <Part key={i} part={part} answer={addToolApprovalResponse} />)}
    </p>)}
    {error && <p role="alert">{error.message}</p>}
    <input name="text" placeholder="Ask" />
  </form>;
}
createRoot(document.querySelector('main')).render(<Chat />);
