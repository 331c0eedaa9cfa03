// The plugins, as `gatehouse check` lists them.
import {Rates} from './api.js';
import {byId, cell, count, el, quantile, rate, time} from './dom.js';
import {STATES} from './parts.js';
import {all} from './requests.js';

const calls = new Rates();  // by plugin

/// In the order in which requests pass them.
export function showPlugins(plugins) {
  calls.add(Object.fromEntries(plugins.map(plugin => [plugin.name, plugin.calls])));
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
    return el('tr', {class: plugin.state},
      el('td', {}, plugin.name,
        el('small', {class: 'wide'},
          plugin.plugin === plugin.name ? ` ${plugin.version}` :
                                          ` ${plugin.plugin} ${plugin.version}`),
        plugin.reason ? el('small', {class: `reason ${STATES[plugin.state]}`, title: plugin.reason},
                          plugin.reason) :
                        null),
      cell(rate(calls.of(plugin.name))), cell(time(quantile(own, 0.5)), 'number wide'),
      cell(time(quantile(own, 0.95))),
      el('td', {class: failedHere ? 'number bad' : 'number zero'}, count(plugin.failures)),
      cell(count(plugin.short_circuits), 'number wide'),
      el('td', {class: 'wide clip', title: plugin.place},
        el('small', {}, `line ${plugin.place.split(':').at(-1)}`)));
  }));
}
