// Tool servers, calls of their tools, and approvals.
import {json, routesTo} from './api.js';
import {cell, count, el} from './dom.js';
import {facts, part, STATES, table} from './parts.js';

export async function showToolServers() {
  const reads = routesTo('/servers').map(async ({path}) => showServers(path, await json(path)));
  await Promise.all(reads);
}

function showServers(path, servers) {
  const body = part('tool-parts', `servers-${path.split('/')[1]}`, path.split('/')[1]);
  if (!servers.length) {
    body.replaceChildren(el('p', {class: 'quiet'}, 'No tool server is configured.'));
    return;
  }
  body.replaceChildren(
    table(['Server', 'State', ['Tools', 'number'], ['With approval', 'number'],
      ['Left out', 'number wide']],
      servers.map(rowOf)));
}

function rowOf({name, server, state, reason, tools = []}) {
  const number = (test, kind) => cell(count(tools.filter(test).length), kind);
  return el('tr', {},
    el('td', {}, name, server ? el('small', {class: 'wide'}, ` ${server.name} ${server.version}`) : null),
    el('td', {class: STATES[state]}, state, reason ? `: ${reason}` : ''),
    el('td', {class: 'number', title: tools.map(tool => tool.name).join(', ')},
      count(tools.filter(tool => !tool.left_out).length)),
    number(tool => tool.needs_approval), number(tool => tool.left_out, 'number wide'));
}

export function showToolCalls(metrics) {
  const results = metrics.of('gatehouse_mcp_calls_total').filter(({value}) => value);
  if (results.length)
    part('tool-parts', 'calls', 'Calls').replaceChildren(facts(results.map(({labels,
      value}) => [`${labels.server} ${labels.result}`, count(value)])));
  const approvals = new Map(metrics.by('gatehouse_mcp_approvals_total', 'outcome'));
  const asked = approvals.get('asked');
  if (!asked) return;
  const [approved, denied, refused] =
    ['approved', 'denied', 'refused'].map(outcome => approvals.get(outcome) ?? 0);
  // A user may have closed the page: a question is not pending forever.
  const open = Math.max(asked - approved - denied - refused, 0);
  part('tool-parts', 'approvals', 'Approvals')
    .replaceChildren(facts([
      ['asked', count(asked)], ['pending or never answered', count(open)],
      ['approved', count(approved)], ['denied', count(denied)], ['not valid', count(refused)]
    ]));
}
