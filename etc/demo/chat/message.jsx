import { memo } from 'react';
import Markdown from 'markdown-to-jsx/react';
import { Tool } from './tool.jsx';

const Link = ({ href, title, children }) => (
  <a href={href} title={title} target="_blank" rel="noreferrer">{children}</a>
);

// The text comes from a model that has read pages of strangers. An image would be fetched at once
// and could carry what the model knows to any address; a link waits for the user.
const markdown = {
  disableParsingRawHTML: true,
  overrides: { a: Link, img: ({ src, alt }) => <Link href={src}>{alt || src}</Link> },
};

/// Formatted once, not again with each word of a later message.
const Text = memo(({ text }) => <Markdown options={markdown}>{text}</Markdown>);

/// `decide(part)` returns what the buttons of that call do, or nothing.
export function Message({ message, decide }) {
  if (message.role === 'user') {
    return (
      <article className="user" aria-label="You">
        {message.parts.map((part, i) => part.type === 'text' && <p key={i}>{part.text}</p>)}
      </article>
    );
  }
  return (
    <article className="assistant" aria-label="Assistant">
      {message.parts.map((part, i) => <Part key={i} part={part} decide={decide} />)}
      <Sources parts={message.parts.filter(part => part.type === 'source-url')} />
      <About metadata={message.metadata} />
    </article>
  );
}

function Part({ part, decide }) {
  if (part.type === 'text') return <Text text={part.text} />;
  if (part.type === 'reasoning') {
    return part.text && <details><summary>Reasoning</summary><p>{part.text}</p></details>;
  }
  if (part.type === 'file' && part.mediaType.startsWith('image/')) {
    return <img src={part.url} alt="Made by the model" />;
  }
  const name = nameOf(part);
  return name && <Tool name={name} part={part} decide={decide(part)} />;
}

/// The tool that a part calls. Tools of the gateway are dynamic: their types are not known here.
export function nameOf({ type, toolName }) {
  if (type === 'dynamic-tool') return toolName;
  return type.startsWith('tool-') ? type.slice('tool-'.length) : undefined;
}

function Sources({ parts }) {
  if (!parts.length) return null;
  return (
    <ul aria-label="Sources">
      {parts.map(({ sourceId, url, title }) => (
        <li key={sourceId}><Link href={url}>{title || url}</Link></li>
      ))}
    </ul>
  );
}

/// Which model responded, and how much it wrote.
function About({ metadata }) {
  if (metadata?.outputTokens === undefined) return null;
  const { modelVersion, model, outputTokens } = metadata;
  const tokens = outputTokens === 1 ? '1 token' : `${outputTokens} tokens`;
  return <small>{modelVersion ?? model} · {tokens}</small>;
}
