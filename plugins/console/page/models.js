// Models and providers: calls, times, tokens, cost, failures, and what is out of order.
import {Rates} from './api.js';
import {byId, cell, count, dollars, el, rate, span, time} from './dom.js';

const upstream = new Rates();  // by provider and model

const DURATION = 'gen_ai_client_operation_duration_seconds';
const FIRST = 'gen_ai_client_operation_time_to_first_chunk_seconds';
const TOKENS = 'gen_ai_client_token_usage_sum';
const UPSTREAM = 'gatehouse_upstream_requests_total';

export function showModels(metrics) {
  showNotes(metrics);
  const models = new Map();  // by provider and model
  for (const {labels: {provider, model, code}, value} of metrics.of(UPSTREAM)) {
    const name = `${provider} ${model}`;
    if (!models.has(name)) models.set(name, {name, provider, model, calls: 0, codes: []});
    const one = models.get(name);
    one.calls += value;
    if (!code.startsWith('2')) one.codes.push([code, value]);
  }
  upstream.add(Object.fromEntries([...models.values()].map(one => [one.name, one.calls])));
  byId('no-models').hidden = models.size > 0;
  byId('model-rows')
    .replaceChildren(...[...models.values()].sort((a, b) => b.calls - a.calls).map(one => {
      const series = {gen_ai_request_model: one.model};
      const tokens =
        ['input', 'output'].map(type => metrics.sum(TOKENS, {...series, gen_ai_token_type: type}));
      const cost = metrics.of('gatehouse_cost_usd_total', {model: one.model}).length ?
        dollars(
          metrics.sum('gatehouse_cost_usd_total', {provider: one.provider, model: one.model})) :
        '–';
      return el('tr', {'data-model': one.model},
        el('td', {class: 'clip', title: one.name}, one.model, el('small', {}, ` ${one.provider}`)),
        cell(count(one.calls)), cell(rate(upstream.of(one.name)), 'number wide'),
        cell(time(metrics.quantile(DURATION, 0.5, series)), 'number wide'),
        cell(time(metrics.quantile(DURATION, 0.95, series))),
        cell(time(metrics.quantile(FIRST, 0.5, series)), 'number wide'),
        el('td', {class: 'number wide', title: 'input, output'},
          `${count(tokens[0])} / ${count(tokens[1])}`),
        cell(cost, 'number wide'),
        el('td', {class: one.codes.length ? 'bad' : 'zero'},
          one.codes.map(([code, value]) => `${code} × ${count(value)}`).join(', ') || 'none'));
    }));
}

/// What an operator should know of them: a class and a sentence each.
function* notes(metrics) {
  const retries = metrics.sum('gatehouse_retries_total');
  if (retries) yield ['', `${count(retries)} retries of upstream calls.`];
  for (const {labels, value} of metrics.ending('circuit_open'))
    if (value) yield ['bad', `The circuit of ${targetOf(labels)} is open: calls fail at once.`];
  for (const {labels, value} of metrics.ending('rests_until_timestamp_seconds')) {
    const left = value * 1000 - Date.now();
    if (left > 0)
      yield ['warn', `${targetOf(labels)} rests for ${span(Math.ceil(left / 1000))}: it was ` +
          'rate limited or rejected, and others are used.'];
  }
  for (const {labels, value} of metrics.ending('model_ends_timestamp_seconds'))
    yield ['warn', `${labels.model} ends on ${new Date(value * 1000).toISOString().slice(0, 10)}.`];
  for (const {labels, value} of metrics.ending('model_mismatch_total'))
    yield ['warn', `${labels.answered} responded ${count(value)} times in place of ${labels.asked}.`];
  const simulated = metrics.sum('gatehouse_simulated_answers_total');
  if (simulated) yield ['', `${count(simulated)} responses came from the simulator.`];
}

function targetOf({plugin, provider, model, key}) {
  if (key) return `Key ${key} of ${plugin}`;
  return model ? `${provider}/${model}` : plugin;
}

function showNotes(metrics) {
  byId('model-notes')
    .replaceChildren(...[...notes(metrics)].map(([kind, text]) => el('li', {class: kind}, text)));
}
