// Parts of a card, and states as colours.
import {byId, el} from './dom.js';

/// The class of a state of the gateway.
export const STATES = {
  up: 'good',
  degraded: 'warn',
  down: 'bad'
};

/// A part of a card with a place of its own, made when it is first needed.
export function part(parent, name, title) {
  const known = byId(`part-${name}`);
  if (known) return known;
  const body = el('div', {id: `part-${name}`});
  byId(parent).append(el('div', {class: 'part'}, el('h3', {}, title), body));
  return body;
}

export function facts(entries) {
  return el('dl', {class: 'facts'},
    entries.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
}

/// A table that scrolls where it is too wide. `heads`: names, or [name, class].
export function table(heads, rows) {
  const head = one => {
    const [name, kind] = [one].flat();
    return el('th', {scope: 'col', class: kind}, name);
  };
  return el('div', {class: 'scroll'},
    el('table', {}, el('thead', {}, el('tr', {}, heads.map(head))), el('tbody', {}, rows)));
}
