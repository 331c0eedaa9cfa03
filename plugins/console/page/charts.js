// The charts of the last hour.
import {byId, clock, count, dollars, el, rate, svg, time} from './dom.js';

const WIDTH = 360, HEIGHT = 46;
const GROUP = 3;  // steps of the gateway to one point
const HOUR_S = 3600;

const sum = values => values.reduce((a, b) => a + b, 0);
const mean = values => {
  const known = values.filter(value => value !== null);
  return known.length ? sum(known) / known.length : null;
};

/// Columns of the history as points of the chart: sums become rates in a second.
const perSecond = (...names) => (history, from) =>
  sum(names.flatMap(name => history[name].slice(from, from + GROUP))) / (GROUP * history.step_ms) *
  1000;
const typical = name => (history, from) => mean(history[name].slice(from, from + GROUP));

const CHARTS = [
  {
    name: 'Requests',
    unit: '/s',
    show: rate,
    lines: [perSecond('requests'), perSecond('failures')],
    also: 'failed',
    note: h => `${count(sum(h.requests))} in the last hour`
  },
  {
    name: 'Failures',
    unit: '/min',
    show: n => rate(n * 60),
    lines: [perSecond('failures')],
    kinds: ['failed'],
    note: h => `${count(sum(h.failures))} in the last hour`
  },
  {
    name: 'Chats',
    unit: '',
    show: time,
    lines: [typical('p50_ms'), typical('p95_ms')],
    also: 'also',
    labels: ['p50', 'p95'],
    note: h => `${count(sum(h.chats))} in the last hour`
  },
  {
    name: 'First token',
    unit: '',
    show: time,
    lines: [typical('first_token_p50_ms'), typical('first_token_p95_ms')],
    also: 'also',
    labels: ['p50', 'p95'],
    note: () => 'p50, p95'
  },
  {
    name: 'Tokens',
    unit: '/min',
    show: n => count(n * 60),
    lines: [perSecond('input_tokens', 'output_tokens')],
    note: h => `${count(sum(h.input_tokens) + sum(h.output_tokens))} in the last hour`
  },
  {
    name: 'Cost',
    unit: '/h',
    show: n => dollars(n * HOUR_S),
    lines: [perSecond('usd')],
    note: h => `${dollars(sum(h.usd))} in the last hour`
  },
];

/// The last complete rate, or the last time that there is one of.
function latest(points, isTime) {
  return points.slice(0, isTime ? undefined : -1).findLast(value => value !== null) ?? null;
}

function path(points, top) {
  let d = '', pen = 'M';
  points.forEach((value, i) => {
    if (value === null) {
      pen = 'M';
      return;
    }
    const x = (i / (points.length - 1)) * WIDTH, y = HEIGHT - 1 - (value / top) * (HEIGHT - 6);
    d += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    if (pen === 'M') d += 'h0.01';  // a point on its own is seen
    pen = 'L';
  });
  return d;
}

class Chart {
  constructor(spec) {
    this.spec = spec;
    this.value = el('p');
    this.note = el('span');
    this.graph =
      svg('svg', {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img'});
    this.node =
      el('div', {class: 'chart', pointermove: e => this.point(e), pointerleave: () => this.leave()},
        el('h3', {}, spec.name, this.note), this.value, this.graph);
  }

  update(history) {
    const points = Math.floor(history.requests.length / GROUP);
    this.history = history;
    this.lines =
      this.spec.lines.map(line => Array.from({length: points}, (_, i) => line(history, i * GROUP)));
    const top = Math.max(...this.lines.flat().map(value => value ?? 0), 1e-9);
    const kinds = this.spec.kinds ?? ['', this.spec.also];
    const drawn =
      this.lines.map((line, i) => svg('path', {class: `line ${kinds[i]}`, d: path(line, top)}));
    const area = path(this.lines[0].map(value => value ?? 0), top);
    const below = this.spec.kinds ?
      null :
      svg('path', {class: 'area', d: `${area}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`});
    this.graph.replaceChildren(...[below, ...drawn.reverse()].filter(Boolean));
    this.leave();
    this.graph.setAttribute(
      'aria-label', `${this.spec.name}: ${this.value.textContent}, ${this.note.textContent}`);
  }

  show(values, note) {
    const {show, unit, labels} = this.spec;
    const second =
      labels && values[1] !== null ? el('small', {}, ` ${labels[1]} ${show(values[1])}`) : '';
    this.value.replaceChildren(
      values[0] === null ? '–' : show(values[0]), el('small', {}, unit), second);
    this.note.textContent = note;
  }

  leave() {
    this.graph.querySelector('.cursor')?.remove();
    if (this.history)
      this.show(
        this.lines.map(line => latest(line, this.spec.labels)), this.spec.note(this.history));
  }

  point(event) {
    if (!this.history) return;
    const {left, width} = this.graph.getBoundingClientRect();
    const last = this.lines[0].length - 1;
    const at = Math.min(Math.max(Math.round(((event.clientX - left) / width) * last), 0), last);
    const {from_ms: from, step_ms: step} = this.history;
    this.show(this.lines.map(line => line[at]), clock(from + at * GROUP * step, false));
    this.graph.querySelector('.cursor')?.remove();
    const x = (at / last) * WIDTH;
    this.graph.append(svg('line', {class: 'cursor', x1: x, x2: x, y1: 0, y2: HEIGHT}));
  }
}

const charts = CHARTS.map(spec => new Chart(spec));
byId('charts').append(...charts.map(chart => chart.node));

export function showHistory(history) {
  for (const chart of charts) chart.update(history);
}
