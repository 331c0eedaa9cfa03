import { useMemo, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Chat } from './chat.jsx';
import { connect } from './gateway.js';
import { Settings } from './settings.jsx';
import { store, stored } from './store.js';
import './style.css';

const defaults = { address: 'http://127.0.0.1:3000', token: '' };
const empty = () => ({ id: crypto.randomUUID(), messages: [], running: false });

/// Shows the chat in the element #chat. What the extension and the web page do differently is the
/// `host`:
///
///   title, examples   what an empty chat shows
///   headers           what proves to the gateway who sends a request
///   withToken         whether the settings ask for an install token
///   context()         resolves to a text about the page, for the model
///   tools             by name: description, inputSchema, asks (whether the user must allow each
///                     call), and run(input), which resolves to the output
export function show(host) {
  createRoot(document.querySelector('#chat')).render(<Main host={host} />);
}

function Main({ host }) {
  const [settings, setSettings] = useState(() => stored('settings') ?? defaults);
  const [editing, setEditing] = useState(false);
  const [saved, setSaved] = useState(() => stored('chat') ?? empty());
  const [opened, setOpened] = useState(0);
  const gateway = useMemo(() => connect(settings, host), [settings]);

  /// Shows a chat as if the panel had just been opened.
  function open(chat) {
    setSaved(chat);
    setOpened(opened + 1);
  }

  function begin() {
    const chat = empty();
    store('chat', chat);
    open(chat);
  }

  function save(changed) {
    store('settings', changed);
    setSettings(changed);
    setEditing(false);
    open(stored('chat') ?? saved);
  }

  return (
    <>
      <Chat key={opened} host={host} gateway={gateway} saved={saved} onNew={begin}
        onReopen={() => open(stored('chat') ?? saved)} onSettings={() => setEditing(true)} />
      {editing && (
        <Settings settings={settings} withToken={host.withToken} onSave={save}
          onClose={() => setEditing(false)} />
      )}
    </>
  );
}
