// What the page shows of the status, the metrics and the admin routes of plugins.
import {ask, json, Rates} from './api.js';
import {byId, bytes, cell, clock, count, dollars, el, quantile, rate,
  span, svg, time} from './dom.js';
import {all} from './requests.js';

const STATES = {
  up: 'good',
  degraded: 'warn',
  down: 'bad'
};
const calls = new Rates();     // by plugin
const upstream = new Rates();  // by provider and model
let routes = [];               // of the admin address: {method, path}

// ---- Head

export function showStatus(status) {
  routes = status.admin_routes ?? [];
  byId('version').textContent = status.version;
  document.title = `${worst(status) === 'good' ? '' : '● '}Gatehouse`;
  const state = byId('state');
  const words = {good: 'Serving', warn: 'Degraded', bad: 'Down'};
  state.textContent = status.draining ? 'Shutting down' : words[worst(status)];
  state.className = `pill ${status.draining ? 'warn' : worst(status)}`;
  const level = byId('log-level');
  if (document.activeElement !== level) level.value = status.log_level;
  showFacts(status);
  showNotices(status);
  calls.add(Object.fromEntries(status.plugins.map(plugin => [plugin.name, plugin.calls])));
  showPlugins(status.plugins);
}

function worst({plugins, store}) {
  const states = [...plugins, store].map(({state}) => STATES[state]);
  return ['bad', 'warn'].find(state => states.includes(state)) ?? 'good';
}

function showFacts(
  {uptime_ms: uptime, running, max_running: most, connections, process, store, reload, platform}) {
  const reloaded = !reload ? 'none yet' : `${clock(reload.at_ms)} ${reload.ok ? 'ok' : 'failed'}`;
  const facts = [
    ['Up', span(Math.floor(uptime / 1000))],
    ['Running', count(running), ` of ${count(most)}`],
    ['Connections', count(connections)],
    ['Memory', process.resident_bytes ? bytes(process.resident_bytes) : '–'],
    [
      'Descriptors', process.open_fds ? count(process.open_fds) : '–',
      ` of ${count(process.max_fds)}`
    ],
    ['Store', store.kind, store.state === 'up' ? '' : ` ${store.state}`],
    ['Last reload', reloaded],
    ['On', platform],
  ];
  byId('facts').replaceChildren(
    ...facts.map(([name, value, more]) => el('div', {}, el('dt', {}, name),
                   el('dd', {}, value, more ? el('small', {}, more) : null))));
}

function showNotices({plugins, store, reload}) {
  const simulated = plugins.filter(({plugin, reason}) => plugin === 'simulator' && reason);
  const others = plugins.filter(plugin => plugin.state !== 'up' && !simulated.includes(plugin));
  const failed = reload && !reload.ok ? reload.problems : [];
  notice('status', [
    ...simulated.map(({reason}) => ['bad', 'Responses come from the simulator: ', reason]),
    ...(failed.length ? [[
      'bad', 'The last reload failed, the configuration before it is in use: ',
      failed
        .map(({file, line, column, text}) => [[file, line, column].filter(Boolean).join(':'),
               text].filter(Boolean).join(': '))
        .join('; ')
    ]] :
                        []),
    ...others.map(({name,
      state,
      reason}) => [STATES[state], `${name} is ${state}: `, reason ?? 'no reason given']),
    ...(store.state === 'up' ?
        [] :
        [[STATES[store.state], `The store is ${store.state}: `, store.reason ?? '']]),
  ]);
}

const shownNotices = new Map();
/// Replaces the notices of `source`: [kind, title, text]. They are announced, so only when changed.
export function notice(source, notices) {
  if (JSON.stringify(shownNotices.get(source) ?? []) === JSON.stringify(notices)) return;
  shownNotices.set(source, notices);
  byId('notices').replaceChildren(...[...shownNotices.values()].flat().map(
    ([kind, title, text]) => el('p', {class: `notice ${kind}`}, el('strong', {}, title), text)));
}

// ---- Pipeline

function showPlugins(plugins) {
  const times = new Map();  // self times by plugin
  for (const {self_ms: parts} of all().slice(0, 500)) {
    for (const [name, ms] of Object.entries(parts)) {
      if (!times.has(name)) times.set(name, []);
      times.get(name).push(ms);
    }
  }
  byId('plugins').replaceChildren(...plugins.map((plugin, i) => {
    // Failures are those in the plugin or below it: what is below it has not failed as often.
    const failedHere = plugin.failures > (plugins[i + 1]?.failures ?? 0);
    const own = times.get(plugin.name) ?? [];
    const line = plugin.place.split(':').at(-1);
    return el('tr', {class: plugin.state},
      el('td', {title: `${plugin.plugin} ${plugin.version}`}, plugin.name,
        plugin.plugin === plugin.name ? null : el('small', {}, ` ${plugin.plugin}`),
        plugin.reason ? el('small', {class: `reason ${STATES[plugin.state]}`, title: plugin.reason},
                          plugin.reason) :
                        null),
      cell(rate(calls.of(plugin.name))), cell(time(quantile(own, 0.5)), 'number wide'),
      cell(time(quantile(own, 0.95))),
      el('td', {class: failedHere ? 'number bad' : 'number zero'}, count(plugin.failures)),
      cell(count(plugin.short_circuits), 'number wide'),
      el('td', {class: 'number wide', title: plugin.place}, el('small', {}, line)));
  }));
}

// ---- Models

const DURATION = 'gen_ai_client_operation_duration_seconds';
const FIRST = 'gen_ai_client_operation_time_to_first_chunk_seconds';
const TOKENS = 'gen_ai_client_token_usage_sum';
const UPSTREAM = 'gatehouse_upstream_requests_total';

export function showMetrics(metrics) {
  showModels(metrics);
  showNotes(metrics);
  showDecisions(metrics);
  showToolCalls(metrics);
}

function showModels(metrics) {
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

function showNotes(metrics) {
  const lines = [];
  const retries = metrics.sum('gatehouse_retries_total');
  if (retries) lines.push(['', `${count(retries)} retries of upstream calls.`]);
  for (const {labels, value} of [...metrics.of('gatehouse_circuit_open'),
         ...metrics.of('gatehouse_target_circuit_open')])
    if (value)
      lines.push([
        'bad',
        `The circuit of ${
          labels.model ? `${labels.provider}/${labels.model}` :
                         labels.plugin} is open: calls fail at once.`
      ]);
  for (const {labels, value} of metrics.of('gatehouse_gemini_model_ends_timestamp_seconds'))
    lines.push(
      ['warn', `${labels.model} ends on ${new Date(value * 1000).toISOString().slice(0, 10)}.`]);
  for (const {labels, value} of metrics.of('gatehouse_gemini_model_mismatch_total'))
    lines.push(
      ['warn', `${labels.answered} responded ${count(value)} times in place of ${labels.asked}.`]);
  const simulated = metrics.sum('gatehouse_simulated_answers_total');
  if (simulated) lines.push(['', `${count(simulated)} responses came from the simulator.`]);
  byId('model-notes').replaceChildren(...lines.map(([kind,
    text]) => el('li', {class: kind}, text)));
}

// ---- Limits and cache

/// A part of a card with a place of its own, made when it is first needed.
function part(parent, name, title) {
  const known = byId(`part-${name}`);
  if (known) return known;
  const body = el('div', {id: `part-${name}`});
  byId(parent).append(el('div', {class: 'part'}, el('h3', {}, title), body));
  return body;
}

const DECISIONS = [
  ['gatehouse_throttle_decisions_total', 'Rate limits'],
  ['gatehouse_budget_decisions_total', 'Budgets']
];

function facts(entries) {
  return el('dl', {class: 'facts'},
    entries.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
}

function showDecisions(metrics) {
  DECISIONS.forEach(([name, title], i) => {
    const decisions = metrics.by(name, 'decision');
    if (decisions.length)
      part('limit-parts', `decisions-${i}`, title)
        .replaceChildren(
          facts(decisions.map(([decision, n]) => [decision.replaceAll('_', ' '), count(n)])));
  });
  const refused = metrics.by('gatehouse_refusals_total', 'code').filter(([, n]) => n);
  if (refused.length)
    part('limit-parts', 'refused', 'Rejected by the server')
      .replaceChildren(facts(refused.map(([code, n]) => [code, count(n)])));
  if (!byId('limit-parts').children.length)
    byId('limit-parts')
      .replaceChildren(el('p', {class: 'empty'}, 'No plugin limits requests or caches responses.'));
}

/// Admin routes of plugins by their last part, whatever the name of the instance.
const routesTo = (end, method = 'GET') =>
  routes.filter(r => r.method === method && r.path.endsWith(end));

export async function showRoutes() {
  await Promise.all([
    ...routesTo('/statistics').map(async ({path}) => showCache(path, await json(path))),
    ...routesTo('/limits').map(async ({path}) => showLimits(path, await json(path))),
    ...routesTo('/servers').map(async ({path}) => showServers(path, await json(path))),
  ]);
  if (!routesTo('/servers').length)
    byId('tool-parts')
      .replaceChildren(el('p', {class: 'empty'}, 'No plugin of the pipeline calls tool servers.'));
}

function showCache(path, statistics) {
  const {stored = 0, bytes_served: served = 0, ...lookups} = statistics;
  const name = path.split('/')[1];
  const total = Object.values(lookups).reduce((a, b) => a + b, 0);
  const ratio = total ? `${Math.round((100 * (lookups.hit ?? 0)) / total)} %` : '–';
  const body = part('limit-parts', `cache-${name}`, name === 'cache' ? 'Cache' : `Cache ${name}`);
  const entries = [
    ['hit ratio', ratio],
    ...Object.entries(lookups).map(([key, n]) => [key.replaceAll('_', ' '), count(n)]),
    ['stored', count(stored)], ['served', bytes(served)]
  ];
  if (!body.children.length)
    body.append(el('div'), ...routesTo(`/${name}/entries`, 'DELETE').map(r => forgetForm(r.path)));
  body.firstChild.replaceChildren(facts(entries));
}

function forgetForm(path) {
  const result = el('span', {class: 'quiet', role: 'status'});
  const forget = async event => {
    event.preventDefault();
    const key = event.target.elements.key.value.trim();
    try {
      await ask(`${path}?key=${encodeURIComponent(key)}`, {method: 'DELETE'});
      result.textContent = 'Forgotten.';
    } catch (error) {
      result.textContent = error.message;
    }
  };
  return el('form', {submit: forget},
    el('p', {class: 'forget'}, el('input', {
      name: 'key',
      required: '',
      placeholder: 'cache_key of a request',
      'aria-label': 'Key of an entry',
      pattern: '[0-9a-f]{64}',
      title: '64 hexadecimal digits'
    }),
      el('button', {}, 'Forget')),
    el('p', {}, result));
}

function showLimits(path, {limits}) {
  const body = part('limit-parts', `limits-${path.split('/')[1]}`, 'Nearest to their limits');
  if (!limits.length) {
    body.replaceChildren(el('p', {class: 'quiet'}, 'No limited request yet.'));
    return;
  }
  body.replaceChildren(el('table', {}, el('tbody', {}, limits.slice(0, 12).map(one => {
    const share = Math.min(one.used / one.limit, 1);
    return el('tr', {},
      el('td', {class: 'clip'}, one.name ?? one.for,
        el('small', {}, one.model ? ` ${one.model}` : '')),
      el('td', {class: 'wide'},
        svg('svg', {
          class: 'meter',
          viewBox: '0 0 100 8',
          preserveAspectRatio: 'none',
          'aria-hidden': 'true'
        },
          svg('rect', {class: 'rail', width: 100, height: 8}),
          svg('rect', {class: share < 1 ? 'used' : 'used full', width: 100 * share, height: 8}))),
      el('td', {class: 'number'}, `${count(one.used)} of ${count(one.limit)} ${one.unit}`),
      el('td', {}, el('small', {}, `per ${one.per}`)));
  }))));
}

// ---- Tool servers

function showServers(path, {servers = []}) {
  const body = part('tool-parts', `servers-${path.split('/')[1]}`, path.split('/')[1]);
  if (!servers.length) {
    body.replaceChildren(el('p', {class: 'quiet'}, 'No tool server is configured.'));
    return;
  }
  body.replaceChildren(el('div', {class: 'scroll'},
    el('table', {},
      el('thead', {}, el('tr', {}, ['Server', 'State', 'Tools', 'With approval',
        'Left out'].map(name => el('th', {scope: 'col'}, name)))),
      el('tbody', {}, servers.map(server => {
        const tools = server.tools ?? [];
        return el('tr', {},
          el('td', {}, server.name,
            server.server ? el('small', {}, ` ${server.server.name} ${server.server.version}`) :
                            null),
          el('td', {class: STATES[server.state]}, server.state,
            server.reason ? `: ${server.reason}` : ''),
          el('td', {title: tools.map(tool => tool.name).join(', ')},
            count(tools.filter(tool => !tool.left_out).length)),
          el('td', {}, count(tools.filter(tool => tool.needs_approval).length)),
          el('td', {}, count(tools.filter(tool => tool.left_out).length)));
      })))));
}

function showToolCalls(metrics) {
  const results = metrics.of('gatehouse_mcp_calls_total').filter(({value}) => value);
  if (results.length)
    part('tool-parts', 'calls', 'Calls').replaceChildren(facts(results.map(({labels,
      value}) => [`${labels.server} ${labels.result}`, count(value)])));
  const approvals = metrics.by('gatehouse_mcp_approvals_total', 'outcome').filter(([, n]) => n);
  if (approvals.length)
    part('tool-parts', 'approvals', 'Approvals')
      .replaceChildren(facts(approvals.map(([outcome, n]) => [outcome, count(n)])));
}
