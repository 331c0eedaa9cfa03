// Rate limits and budgets: who is refused now, who is near a limit, and what is left.
import {json, routesTo} from './api.js';
import {cell, count, dollars, el, span, svg} from './dom.js';
import {facts, part, table} from './parts.js';
import {all, callerOf, tokensOf} from './requests.js';

const MOST = 12;  // callers in a table

const DECISIONS = [
  ['gatehouse_throttle_decisions_total', 'Rate limits'],
  ['gatehouse_budget_decisions_total', 'Budgets']
];

export function showDecisions(metrics) {
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
}

const amount = (unit, number) => (unit === 'usd' ? dollars(number) : count(number));

/// Of all plugins that limit callers, those first who are refused now.
export async function showLimits() {
  const routes = routesTo('/limits');
  if (!routes.length) return;
  const lists = await Promise.all(routes.map(async ({path}) => (await json(path)).limits));
  const limits = lists.flat().sort((a, b) => rank(b) - rank(a));
  const refused = limits.filter(one => one.refuses_until).length;
  const summary = refused ? el('p', {class: 'bad'}, `${count(refused)} refused now.`) :
                            el('p', {class: 'quiet'}, 'Nobody is refused now.');
  const heads = [
    'Caller', ['', 'wide'], ['Used', 'number'], ['Left', 'number'], ['Refused', 'number']
  ];
  const rows = limits.slice(0, MOST).map(limitRow);
  part('limit-parts', 'limits', 'Callers near their limits')
    .replaceChildren(...(rows.length ? [summary, table(heads, rows)] : [summary]));
}

const shareOf = ({used, limit}) => Math.min(used / limit, 1);
const rank = one => (one.refuses_until ? 2 : 0) + shareOf(one);

function limitRow(one) {
  const {unit, used, limit, left, refused, refuses_until: until} = one;
  const of = [
    unit === 'usd' ? 'cost' : unit, one.per && `per ${one.per}`, one.model && `of ${one.model}`
  ];
  const wait = until ? Math.max(Math.ceil(until - Date.now() / 1000), 1) : 0;
  return el('tr', {},
    el('td', {class: 'clip'}, one.name ?? one.for,
      el('small', {class: 'below'}, of.filter(Boolean).join(' '))),
    el('td', {class: 'wide'}, meter(shareOf(one))),
    el('td', {class: 'number wraps'}, `${amount(unit, used)} of ${amount(unit, limit)}`),
    cell(amount(unit, left)),
    el('td', {class: refused ? 'number' : 'number zero'}, count(refused),
      wait ? el('span', {class: 'tag failed below'}, 'now',
               el('span', {class: 'wide'}, `, for ${span(wait)}`)) :
             null));
}

function meter(share) {
  return svg('svg',
    {class: 'meter', viewBox: '0 0 100 8', preserveAspectRatio: 'none', 'aria-hidden': 'true'},
    svg('rect', {class: 'rail', width: 100, height: 8}),
    svg('rect', {class: share < 1 ? 'used' : 'used full', width: 100 * share, height: 8}));
}

/// Of the requests that the page has.
export function showHottest() {
  const callers = new Map();
  for (const request of all()) {
    const name = callerOf(request) || 'anyone';
    if (!callers.has(name)) callers.set(name, {name, requests: 0, refused: 0, tokens: 0, usd: 0});
    const one = callers.get(name);
    one.requests += 1;
    one.refused += request.status === 429 ? 1 : 0;
    one.tokens += tokensOf(request);
    one.usd += request.notes.cost_usd ?? 0;
  }
  if (!callers.size) return;
  const hottest = [...callers.values()].sort((a, b) => b.requests - a.requests).slice(0, MOST);
  const heads = ['Caller', ['Requests', 'number'], ['Refused', 'number'], ['Tokens', 'number wide'],
    ['Cost', 'number wide']];
  part('limit-parts', 'hottest', 'Hottest callers of the listed requests')
    .replaceChildren(table(heads, hottest.map(({name, requests, refused, tokens, usd}) => el('tr',
      {}, el('td', {class: 'clip', title: name}, name), cell(count(requests)), cell(count(refused)),
      cell(count(tokens), 'number wide'), cell(dollars(usd), 'number wide')))));
}
