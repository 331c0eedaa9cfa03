import { useState } from 'react';
import { Check, Cross } from './icons.jsx';

const words = {
  'input-streaming': 'is being called',
  'input-available': 'is running',
  'approval-requested': 'waits for your approval',
  'approval-responded': 'is running',
  'output-available': 'has run',
  'output-error': 'failed',
  'output-denied': 'was denied',
};

/// A call of a tool. `decide` is there while the user may decide whether it runs.
export function Tool({ name, part, decide }) {
  const { state, input, output, errorText } = part;
  const [decided, setDecided] = useState(false);
  const open = decide && !decided;

  function choose(allowed) {
    setDecided(true);
    decide(allowed);
  }

  const ended = state.startsWith('output-');
  return (
    <section className={`tool ${state}`} aria-label={`Tool ${name}`}>
      <header>
        {ended && (state === 'output-available' ? <Check /> : <Cross />)}
        <code>{name}</code>
        <span>{open ? words['approval-requested'] : words[state]}</span>
      </header>
      {open && (
        <>
          <Value value={input} />
          <footer>
            <button className="main" onClick={() => choose(true)}>Allow</button>
            <button onClick={() => choose(false)}>Deny</button>
          </footer>
        </>
      )}
      {ended && (
        <details>
          <summary>Details</summary>
          <Value value={input} />
          {output !== undefined && <Value value={textOf(output)} />}
          {errorText && <p>{errorText}</p>}
        </details>
      )}
    </section>
  );
}

/// The members of an object each on a line, anything else as it is.
function Value({ value }) {
  if (typeof value === 'string') return <pre>{value}</pre>;
  const members = Object.entries(value ?? {});
  if (!members.length) return null;
  const text = member => (typeof member === 'string' ? member : JSON.stringify(member));
  return (
    <dl>
      {members.map(([name, member]) => (
        <div key={name}><dt>{name}</dt><dd>{text(member)}</dd></div>
      ))}
    </dl>
  );
}

/// The texts of a result of a tool server; other results as they are.
function textOf(output) {
  if (!Array.isArray(output?.content)) return output;
  return output.content.map(part => part.text ?? `[${part.type}]`).join('\n');
}
