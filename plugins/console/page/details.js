// What is known of one request: times of its plugins, notes, and lines of the log.
import {ask} from './api.js';
import {dollars, el, svg, time} from './dom.js';

export function details(request) {
  const lines = el('ul', {class: 'log-lines'}, el('li', {class: 'quiet'}, 'Reading the log …'));
  showLog(request.id, lines);
  return el('div', {class: 'detail-grid'},
    el('div', {}, el('h3', {}, 'Time in each plugin itself, from the outermost'),
      waterfall(request)),
    el('div', {}, el('h3', {}, 'Request'), members(request)),
    content('Message', request.prompt), content('Response', request.response),
    el('div', {}, el('h3', {}, 'Log'), lines));
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
