// The list of requests: live, filtered by what the address says, with details on a click.
import {details} from './details.js';
import {byId, clock, count, dollars, el, time} from './dom.js';

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
export const callerOf = ({user, key, tenant}) => user || key || tenant || '';
export const tokensOf = ({notes}) => (notes.input_tokens ?? 0) + (notes.output_tokens ?? 0);

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
      'No request yet. While nobody looks at this page only those that fail are recorded.';
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
  const isOther = notes.answered_by && notes.model && notes.answered_by !== notes.model;
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
    el('td', {class: 'clip', title: name}, request.chat ? name : el('small', {}, name),
      isOther ? el('small', {}, ` for ${notes.model}`) : null),
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
  row.detail = el('tr', {class: 'detail'}, el('td', {colspan: 10}, details(request)));
  row.node.after(row.detail);
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
byId('rows').addEventListener('keydown', ({key}) => {
  const row = [...rows.values()].find(({detail}) => detail);
  if (key !== 'Escape' || !row) return;
  close();
  row.node.querySelector('.time').focus();
  keepInAddress();
});
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
