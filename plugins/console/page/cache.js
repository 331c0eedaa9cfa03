// What the cache has saved, and forgetting one of its entries.
import {ask, json, routesTo} from './api.js';
import {bytes, count, el} from './dom.js';
import {confirm} from './notices.js';
import {facts, part} from './parts.js';

export async function showCaches() {
  const reads = routesTo('/statistics').map(async ({path}) => showCache(path, await json(path)));
  await Promise.all(reads);
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
    const text = 'The next request that is equal gets a new response from a model.';
    if (!(await confirm('Forget the entry?', text, 'Forget'))) return;
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
