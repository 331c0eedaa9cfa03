// The state of the gateway, and its notices.
import {byId, bytes, clock, count, el, span} from './dom.js';
import {notice} from './notices.js';
import {STATES} from './parts.js';

export function showHead(status) {
  byId('version').textContent = status.version;
  document.title = `${worst(status) === 'good' ? '' : '● '}Gatehouse`;
  const state = byId('state');
  const words = {good: 'Serving', warn: 'Degraded', bad: 'Down'};
  state.textContent = status.draining ? 'Shutting down' : words[worst(status)];
  state.className = `pill ${status.draining ? 'warn' : worst(status)}`;
  showFacts(status);
  showNotices(status);
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
