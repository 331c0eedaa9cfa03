// A chat through the pipeline that serves, as the AI SDK would send it, and its stream as it comes.
import {failure} from './api.js';
import {byId, bytes, el, time} from './dom.js';

const MOST_EVENTS = 2000, MOST_WIRE = 100_000;  // characters

const form = byId('play');
const output = byId('play-text'), events = byId('play-events'), wire = byId('play-wire');
form.elements.extension.value = 'c'.repeat(32);

let messages = [], controller = null;

/// The parts of one message of the assistant, made from the chunks of the stream.
class Reply {
  constructor(message) {
    this.message = message;
    this.open = new Map();  // text and reasoning by id
  }

  take(chunk) {
    const {type} = chunk;
    if (type === 'start-step') this.push({type: 'step-start'});
    const [, kind, phase] = /^(text|reasoning)-(start|delta|end)$/.exec(type) ?? [];
    if (phase === 'start') this.open.set(chunk.id, this.push({type: kind, text: ''}, kind));
    if (phase === 'delta') this.extend(this.open.get(chunk.id), chunk.delta);
    if (type === 'tool-input-available') this.callTool(chunk);
    if (type === 'tool-approval-request') this.askUser(chunk);
    if (type === 'tool-output-available')
      this.settle(chunk, 'output-available', {output: chunk.output});
    if (type === 'tool-output-error')
      this.settle(chunk, 'output-error', {errorText: chunk.errorText});
    if (type === 'tool-output-denied') this.settle(chunk, 'output-denied', {});
    if (type === 'error') output.append(el('p', {class: 'bad'}, chunk.errorText));
  }

  push(part, kind) {
    this.message.parts.push(part);
    const node = kind ? el('p', {class: kind}) : null;
    if (node) output.append(node);
    return {part, node};
  }

  extend(block, delta) {
    block.part.text += delta;
    block.node.append(delta);
  }

  callTool({toolCallId, toolName, input}) {
    const part = {type: 'dynamic-tool', toolName, toolCallId, state: 'input-available', input};
    const {node} = this.push(part, 'tool');
    node.dataset.call = toolCallId;
    node.append(el('b', {}, toolName), ` ${JSON.stringify(input)}`);
  }

  find(id) {
    const part = this.message.parts.find(one => one.toolCallId === id);
    const node = [...output.querySelectorAll('.tool')].find(one => one.dataset.call === id);
    return {part, node};
  }

  settle({toolCallId}, state, result) {
    const {part, node} = this.find(toolCallId);
    if (!part) return;
    Object.assign(part, {state}, result);
    node.append(el('br'), `${state.slice('output-'.length)}: `,
      JSON.stringify(result.output ?? result.errorText ?? ''));
  }

  askUser({toolCallId, approvalId}) {
    const {part, node} = this.find(toolCallId);
    if (!part) return;
    Object.assign(part, {state: 'approval-requested', approval: {id: approvalId}});
    const decide = approved => () => {
      Object.assign(part, {state: 'approval-responded', approval: {id: approvalId, approved}});
      buttons.replaceWith(approved ? ' allowed' : ' denied');
      const isOpen = this.message.parts.some(one => one.state === 'approval-requested');
      if (!isOpen) send();
    };
    const buttons =
      el('span', {class: 'buttons'}, el('button', {type: 'button', click: decide(true)}, 'Allow'),
        el('button', {type: 'button', click: decide(false)}, 'Deny'));
    node.append(buttons);
  }
}

function headers({extension, key}) {
  const out = {
    'Content-Type': 'application/json',
    'X-Extension-ID': extension.value,
    'X-Server-Timing': '1'
  };
  if (key.value) out.Authorization = `Bearer ${key.value}`;
  return out;
}

function body({model, workflow}) {
  const out = {messages, accepts: ['tool-approval-request']};
  if (model.value) out.model = model.value;
  if (workflow.value) out.workflowId = workflow.value;
  return JSON.stringify(out);
}

async function send() {
  const began = performance.now();
  const facts = {size: 0, count: 0, first: null};
  const show = state => {
    const first = facts.first === null ? '' : `, first text after ${time(facts.first)}`;
    byId('play-facts').textContent = `${state}: ${facts.count} events, ${bytes(facts.size)}${
      first}, ${time(performance.now() - began)}`;
  };
  controller = new AbortController();
  byId('play-stop').disabled = false;
  try {
    const response = await fetch('/client/api/chat', {
      method: 'POST',
      headers: headers(form.elements),
      body: body(form.elements),
      signal: controller.signal,
    });
    if (!response.ok) throw await failure(response);
    await read(response, facts, began, show);
    show('Done');
  } catch (error) {
    if (error.name === 'AbortError')
      show('Stopped');
    else
      output.append(el('p', {class: 'bad'}, error.message));
  }
  byId('play-stop').disabled = true;
}

async function read(response, facts, began, show) {
  if (messages.at(-1).role !== 'assistant')
    messages.push({id: crypto.randomUUID(), role: 'assistant', parts: []});
  const reply = new Reply(messages.at(-1));
  let rest = '';
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    facts.size += piece.value.length;
    wire.append(piece.value);
    if (wire.textContent.length > MOST_WIRE)
      wire.textContent = wire.textContent.slice(-MOST_WIRE / 2);
    const lines = (rest + piece.value).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith('data: ') || line === 'data: [DONE]') continue;
      const chunk = JSON.parse(line.slice('data: '.length));
      facts.count += 1;
      if (chunk.type === 'text-delta') facts.first ??= performance.now() - began;
      list(chunk, performance.now() - began);
      reply.take(chunk);
    }
    show('Streaming');
    for (const pane of [output, events, wire])
      pane.parentElement.scrollTop = pane.parentElement.scrollHeight;
  }
}

function list({type, ...rest}, ms) {
  if (events.children.length >= MOST_EVENTS) events.firstChild.remove();
  events.append(el('li', {}, el('span', {class: 'quiet mono'}, `${time(ms)} `), el('b', {}, type),
    Object.keys(rest).length ? ` ${JSON.stringify(rest)}` : ''));
}

form.addEventListener('submit', event => {
  event.preventDefault();
  controller?.abort();
  const text = form.elements.text.value;
  messages.push({id: crypto.randomUUID(), role: 'user', parts: [{type: 'text', text}]});
  output.append(el('p', {class: 'user'}, text));
  send();
});
byId('play-stop').addEventListener('click', () => controller?.abort());
byId('play-clear').addEventListener('click', () => {
  controller?.abort();
  messages = [];
  for (const node of [output, events, wire, byId('play-facts')]) node.replaceChildren();
});
