// The list of requests: live, filtered by what the address says, with details on a click.
import {ask} from './api.js';
import {byId, clock, count, dollars, el, svg, time} from './dom.js';

const MOST = 10_000;  // kept in the page; the gateway remembers 500
const PAGE = 100;     // rows on the screen, and added by "Show more"

const requests = [];     // newest first
const rows = new Map();  // by number: those on the screen
let limit = PAGE;
let isPaused = false, waiting = [];
let frame = 0;
const onChange = [];

const parameters = new URLSearchParams(location.search);
const filters = byId('filters');
let opened = parameters.get('request');  // an id

export const all = () => requests;
/// Calls `listener` when requests have been added.
export const whenAdded = listener => onChange.push(listener);

const modelOf = ({notes}) => notes.answered_by ?? notes.model ?? '';
const callerOf = ({user, key, tenant}) => user || key || tenant || '';
const tokensOf = ({notes}) => (notes.input_tokens ?? 0) + (notes.output_tokens ?? 0);

function fits(request) {
  const {q, outcome, model, kind} = filters.elements;
  if (outcome.value && request.outcome !== outcome.value) return false;
  if (kind.value === 'chat' && !request.chat) return false;
  if (model.value && modelOf(request) !== model.value) return false;
  const text = q.value.trim().toLowerCase();
  if (!text) return true;
  const searched = [
    request.id, request.path, request.tenant, request.user, request.key, request.code,
    request.detail, request.status, ...Object.values(request.notes)
  ];
  return searched.some(value => String(value ?? '').toLowerCase().includes(text));
}

/// Adds requests that have ended, oldest first.
export function add(ended) {
  if (isPaused) {
    waiting = waiting.concat(ended).slice(-MOST);
    showCount();
    return;
  }
  requests.unshift(...ended.reverse());
  requests.length = Math.min(requests.length, MOST);
  for (const request of ended) offerModel(modelOf(request));
  for (const listener of onChange) listener();
  draw();
}

function offerModel(model) {
  const select = filters.elements.model;
  if (model && ![...select.options].some(option => option.value === model))
    select.append(el('option', {value: model}, model));
}

/// At most once for each frame, however many requests end.
function draw() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    const shown = [];
    let total = 0;
    for (const request of requests) {
      if (!fits(request)) continue;
      if (++total <= limit) shown.push(request);
    }
    place(shown);
    byId('more').hidden = total <= limit;
    byId('no-rows').hidden = total > 0;
    byId('no-rows').textContent = requests.length ?
      'No request fits the filters.' :
      'No request yet. The list begins with the next one.';
    showCount(total);
  });
}

let lastTotal = 0;
function showCount(total = lastTotal) {
  lastTotal = total;
  const held = waiting.length ? `, ${count(waiting.length)} more since the pause` : '';
  byId('shown').textContent = `${count(total)} of the last ${count(requests.length)}${held}`;
}

/// Moves rows that are there already, so that focus and details stay.
function place(shown) {
  const body = byId('rows');
  const wanted = new Set(shown.map(request => request.number));
  for (const [number, row] of rows) {
    if (wanted.has(number)) continue;
    row.detail?.remove();
    row.node.remove();
    rows.delete(number);
  }
  let next = body.firstChild;
  for (const request of shown) {
    let row = rows.get(request.number);
    if (!row) rows.set(request.number, row = {node: rowOf(request), detail: null});
    if (row.node === next)
      next = next.nextSibling;
    else
      body.insertBefore(row.node, next);
    if (request.id === opened && !row.detail) open(request, row);
    if (row.detail && row.detail === next)
      next = next.nextSibling;
    else if (row.detail)
      row.node.after(row.detail);
  }
}

function outcomeOf({outcome, code, status}) {
  const words = {left: 'client left', cut: 'cut off'};
  const text = outcome === 'ok' ? `ok ${status}` :
    code ? `${code}` :
           `${words[outcome] ?? outcome} ${status}`;
  return el('span', {class: `tag ${outcome}`}, text);
}

function rowOf(request) {
  const {notes} = request;
  const tokens = tokensOf(request);
  const steps =
    request.chat ? `${notes.attempts ?? '–'}/${notes.steps ?? '–'}/${notes.tool_calls ?? 0}` : '';
  const name = request.chat ? modelOf(request) || '–' : `${request.method} ${request.path}`;
  const toggle = event => {
    event.stopPropagation();
    click(request);
  };
  return el('tr', {class: 'request', click: toggle},
    el('td', {},
      el('button', {type: 'button', class: 'time', 'aria-expanded': 'false', click: toggle},
        clock(request.began_ms))),
    el('td', {class: 'clip wide', title: callerOf(request)},
      callerOf(request) || el('small', {}, 'anyone')),
    el('td', {class: 'clip', title: name}, request.chat ? name : el('small', {}, name)),
    el('td', {class: 'clip', title: request.code ?? ''}, outcomeOf(request)),
    el('td', {class: 'number wide'}, request.chat ? time(notes.ttft_ms) : ''),
    el('td', {class: 'number'}, time(request.ms)),
    el('td', {class: 'number wide'}, tokens ? count(tokens) : ''),
    el('td', {class: 'number wide'}, notes.cost_usd === undefined ? '' : dollars(notes.cost_usd)),
    el('td', {class: 'number wide'}, steps),
    el('td', {class: 'wide'},
      notes.cache ? el('span', {class: notes.cache === 'hit' ? 'tag hit' : 'quiet'}, notes.cache) :
                    ''));
}

function click(request) {
  const row = rows.get(request.number);
  if (opened === request.id) {
    close();
  } else {
    close();
    opened = request.id;
    open(request, row);
  }
  keepInAddress();
}

function close() {
  opened = null;
  for (const row of rows.values()) {
    if (!row.detail) continue;
    row.detail.remove();
    row.detail = null;
    row.node.classList.remove('open');
    row.node.querySelector('.time').setAttribute('aria-expanded', 'false');
  }
}

function open(request, row) {
  row.node.classList.add('open');
  row.node.querySelector('.time').setAttribute('aria-expanded', 'true');
  const lines = el('ul', {class: 'log-lines'}, el('li', {class: 'quiet'}, 'Reading the log …'));
  row.detail = el('tr', {class: 'detail'},
    el('td', {colspan: 10},
      el('div', {class: 'detail-grid'},
        el('div', {}, el('h3', {}, 'Time in each plugin itself, from the outermost'),
          waterfall(request)),
        el('div', {}, el('h3', {}, 'Request'), members(request)),
        content('Message', request.prompt), content('Response', request.response),
        el('div', {}, el('h3', {}, 'Log'), lines))));
  row.node.after(row.detail);
  showLog(request.id, lines);
}

function content(name, text) {
  return text ? el('div', {}, el('h3', {}, name), el('p', {class: 'content'}, text)) : null;
}

/// A bar for each plugin, which begins where that of the plugin around it ends, and a line at the
/// first token.
function waterfall({self_ms: times, ms, notes}) {
  const parts = Object.entries(times);
  if (!parts.length)
    return el('p', {class: 'quiet'}, `${time(ms)} in all. Plugins are timed for chats.`);
  const total = Math.max(parts.reduce((sum, [, part]) => sum + part, 0), ms, 0.001);
  let begin = 0;
  const cells = parts.flatMap(([name, part]) => {
    const width = Math.max((part / total) * 100, 0.4),
          x = Math.min((begin / total) * 100, 100 - width);
    begin += part;
    return [
      el('span', {}, name),
      svg('svg', {viewBox: '0 0 100 12', preserveAspectRatio: 'none', 'aria-hidden': 'true'},
        svg('rect', {class: 'rail', x: 0, y: 5, width: 100, height: 2}),
        svg('rect', {class: 'bar-self', x, y: 1, width, height: 10, rx: 0.4}),
        notes.ttft_ms ?
          svg('line',
            {x1: (notes.ttft_ms / total) * 100, x2: (notes.ttft_ms / total) * 100, y1: 0, y2: 12}) :
          null),
      el('span', {class: 'number'}, time(part))
    ];
  });
  return el('div', {class: 'waterfall'}, cells);
}

const LABELS = {
  ttft_ms: 'first token',
  upstream_ms: 'upstream',
  cost_usd: 'cost'
};
const readable = (name, value) => (name === 'cost_usd' ? dollars(value) :
    name in LABELS                                     ? time(value) :
    typeof value === 'object'                          ? JSON.stringify(value) :
                                                         value);

function members(request) {
  const entries = [
    ['id', request.id], ['request', `${request.method} ${request.path}`],
    ['status', request.status], ['code', request.code], ['detail', request.detail],
    ['tenant', request.tenant], ['user', request.user], ['key', request.key],
    ...Object.entries(request.notes).map(([name,
      value]) => [LABELS[name] ?? name.replaceAll('_', ' '), readable(name, value)])
  ];
  const known = entries.filter(([, value]) => value !== undefined && value !== '');
  return el('dl', {class: 'members'},
    known.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, String(value))]));
}

async function showLog(id, list) {
  const text = await (await ask(`/log?request=${encodeURIComponent(id)}`)).text().catch(() => '');
  const lines = text.split('\n').filter(Boolean).map(line => JSON.parse(line));
  if (!lines.length) {
    list.replaceChildren(el('li', {class: 'quiet'}, 'The log has no more lines of it.'));
    return;
  }
  list.replaceChildren(
    ...lines.map(line => el('li', {}, el('time', {}, line.time.slice(11, 23)), ' ',
                   line.level === 'info' ?
                     null :
                     el('span', {class: line.level === 'error' ? 'bad' : 'warn'}, `${line.level} `),
                   line.plugin ? `${line.plugin}: ` : '', line.message)));
}

/// So that the view can be sent to a colleague.
function keepInAddress() {
  const view = new URLSearchParams([...new FormData(filters)].filter(([, value]) => value));
  if (opened) view.set('request', opened);
  history.replaceState(
    null, '', view.size ? `?${view}${location.hash}` : location.pathname + location.hash);
}

function changeFilter() {
  limit = PAGE;
  keepInAddress();
  draw();
}

for (const [name, value] of parameters) {
  if (name === 'model') offerModel(value);
  if (filters.elements[name]) filters.elements[name].value = value;
}
filters.addEventListener('input', changeFilter);
filters.addEventListener('submit', event => event.preventDefault());
byId('more').addEventListener('click', () => {
  limit += PAGE;
  draw();
});
byId('pause').addEventListener('click', ({target}) => {
  isPaused = !isPaused;
  target.setAttribute('aria-pressed', isPaused);
  target.textContent = isPaused ? 'Go on' : 'Pause';
  if (!isPaused) add(waiting.splice(0));
});

/// Opens the stream. The browser opens it again when it ends, from the last request that it has.
export function follow() {
  let pending = [];
  const stream = new EventSource('live');
  stream.onmessage = ({data}) => {
    const request = JSON.parse(data);
    // The gateway has started again and counts anew.
    if (requests.length && request.number <= requests[0].number && !pending.length) restart();
    if (!pending.length) queueMicrotask(() => setTimeout(() => add(pending.splice(0))));
    pending.push(request);
  };
}

function restart() {
  requests.length = 0;
  close();
  for (const row of rows.values()) row.node.remove();
  rows.clear();
}
