import { useEffect, useRef, useState } from 'react';
import { Composer } from './composer.jsx';
import { Gate, Plus, Sliders } from './icons.jsx';
import { Message, nameOf } from './message.jsx';
import { Notice } from './notice.jsx';
import { accepts, sendAutomaticallyWhen, useChat } from './sdk.js';
import { store, stored } from './store.js';
import { troubleOf } from './trouble.js';

/// A conversation, which begins with the messages of `saved`. What is saved is what was last sent,
/// or, once a response is complete, all of it: never a part of a response, since one that is
/// resumed comes again from its beginning. `saved.running`: a response was not complete.
export function Chat({ host, gateway, saved, onNew, onReopen, onSettings }) {
  const [workflows, setWorkflows] = useState([]);
  const [workflow, setWorkflow] = useState(stored('workflow') ?? '');
  const [sharing, setSharing] = useState(false);
  const [trouble, setTrouble] = useState();
  const [resuming, setResuming] = useState(saved.running);
  const [lost, setLost] = useState(false);

  // useChat keeps the functions of the first rendering: they read what is current from here.
  const current = useRef({ sent: saved.messages, running: saved.running });
  Object.assign(current.current, { workflow, sharing });

  function save(messages, running) {
    Object.assign(current.current, { sent: messages, running });
    store('chat', { id: saved.id, messages, running });
  }

  async function more() {
    return {
      accepts,
      workflowId: current.current.workflow || undefined,
      initialPageContext: current.current.sharing ? await host.context() : undefined,
    };
  }

  const [transport] = useState(() => gateway.transport(more, messages => save(messages, true)));
  const chat = useChat({
    id: saved.id,
    messages: saved.messages,
    transport,
    sendAutomaticallyWhen,
    onToolCall({ toolCall: { toolName, toolCallId, input } }) {
      const tool = host.tools[toolName];
      if (tool?.asks === false) void report(toolName, toolCallId, tool.run(input));
    },
    onFinish({ messages, isError }) {
      if (!isError && !current.current.left) save(messages, false);
    },
  });
  const { messages, status, error, sendMessage, setMessages } = chat;
  const busy = status === 'submitted' || status === 'streaming' || resuming;

  /// Does what may fail, now and when the user tries again.
  function attempt(action) {
    setTrouble();
    action().catch(error => setTrouble({ error, again: () => attempt(action) }));
  }

  useEffect(() => attempt(() => gateway.workflows().then(setWorkflows)), []);

  useEffect(() => {
    if (!saved.running) return;
    void chat.resumeStream().then(() => {
      setResuming(false);
      setLost(current.current.running);
    });
  }, []);

  // What useChat reports after it has been left must not replace the chat that is shown by then.
  useEffect(() => () => { current.current.left = true; }, []);

  async function report(tool, toolCallId, running) {
    const outcome = await running.then(
      output => ({ output }),
      ({ message }) => ({ state: 'output-error', errorText: message }),
    );
    void chat.addToolOutput({ tool, toolCallId, ...outcome });
  }

  /// What the buttons of a call do, which only the last message has.
  function decide(part) {
    const { state, toolCallId, input, approval } = part;
    const name = nameOf(part);
    if (state === 'approval-requested') {
      return approved => chat.addToolApprovalResponse({ id: approval.id, approved });
    }
    if (state !== 'input-available' || !host.tools[name]?.asks) return undefined;
    const refused = () => Promise.reject(new Error('The user does not want this.'));
    return allowed => report(name, toolCallId, allowed ? host.tools[name].run(input) : refused());
  }

  function send(text) {
    setTrouble();
    setLost(false);
    void sendMessage({ text });
  }

  /// Sends again what was sent last, without what came of it.
  function again() {
    setTrouble();
    setLost(false);
    setMessages(current.current.sent);
    void sendMessage();
  }

  function stop() {
    void chat.stop();
    attempt(() => gateway.stop(saved.id));
  }

  function begin() {
    current.current.left = true;
    if (busy) stop();
    onNew();
  }

  function choose(id) {
    setWorkflow(id);
    store('workflow', id);
  }

  /// A page that cannot be read is not shared; the user learns why at once.
  function share() {
    if (sharing) setSharing(false);
    else attempt(() => host.context().then(() => setSharing(true)));
  }

  // What could not be resumed may still run: it is looked for again before it is sent again.
  const failure = error ? { error, again: lost ? onReopen : again } : trouble;
  return (
    <>
      <header>
        <Gate />
        <select aria-label="Workflow" value={workflow} onChange={e => choose(e.target.value)}>
          <option value="">Chat</option>
          {workflows.map(({ id, name, description }) => (
            <option key={id} value={id} title={description}>{name}</option>
          ))}
        </select>
        <button aria-label="New chat" title="New chat" onClick={begin}><Plus /></button>
        <button aria-label="Settings" title="Settings" onClick={onSettings}><Sliders /></button>
      </header>
      <div className="log" tabIndex="0" role="log" aria-label="Conversation" aria-busy={busy}>
        <div>
          {!messages.length && <Welcome host={host} onSend={send} />}
          {messages.map((message, i) => (
            <Message key={message.id} message={message}
              decide={i === messages.length - 1 ? decide : () => undefined} />
          ))}
          {busy && <p className="working" role="status">
            {resuming ? 'Resuming the response' : 'Working'}
          </p>}
          {lost && !error && (
            <Notice role="status" title="The response was lost"
              message="The gateway no longer has what was running when this chat was left.">
              {() => <button className="main" onClick={again}>Ask again</button>}
            </Notice>
          )}
          {failure && (
            <Failure trouble={troubleOf(failure.error)} onAgain={failure.again}
              onReopen={onReopen} onSettings={onSettings} />
          )}
        </div>
      </div>
      <Composer busy={busy} sharing={sharing} onShare={share} onSend={send} onStop={stop} />
    </>
  );
}

function Failure({ trouble, onAgain, onReopen, onSettings }) {
  const { title, message, detail, wait, remedy } = trouble;
  return (
    <Notice title={title} message={message} detail={detail} wait={wait}>
      {left => (
        <>
          <button className="main" disabled={left > 0}
            onClick={remedy === 'reconnect' ? onReopen : onAgain}>
            {left ? `Try again in ${left} s` : 'Try again'}
          </button>
          {remedy === 'settings' && <button onClick={onSettings}>Settings</button>}
        </>
      )}
    </Notice>
  );
}

function Welcome({ host, onSend }) {
  return (
    <section className="welcome">
      <h1>{host.title}</h1>
      <ul>
        {host.examples.map(text => (
          <li key={text}><button onClick={() => onSend(text)}>{text}</button></li>
        ))}
      </ul>
    </section>
  );
}
