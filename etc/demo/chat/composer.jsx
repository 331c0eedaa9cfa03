import { Page, Send, Stop } from './icons.jsx';

/// What the user writes. Enter sends, Shift+Enter begins a line, Escape stops the response.
export function Composer({ busy, sharing, onShare, onSend, onStop }) {
  function send(event) {
    event.preventDefault();  // unlike `action`, which would also empty the form while busy
    const form = event.currentTarget;
    const text = form.elements.text.value.trim();
    if (!text || busy) return;
    form.reset();
    onSend(text);
  }

  function keys(event) {
    if (event.key === 'Escape' && busy) onStop();
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    event.currentTarget.form.requestSubmit();
  }

  return (
    <form className="composer" onSubmit={send}>
      <textarea name="text" rows="1" placeholder="Ask" aria-label="Ask" autoFocus
        onKeyDown={keys} />
      <footer>
        <button type="button" className="chip" aria-pressed={sharing} onClick={onShare}>
          <Page /> This page
        </button>
        {busy
          ? <button type="button" key="stop" className="main round" aria-label="Stop"
              onClick={onStop}><Stop /></button>
          : <button key="send" className="main round" aria-label="Send"><Send /></button>}
      </footer>
    </form>
  );
}
