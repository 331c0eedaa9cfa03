// What the operator should know at once, above all parts of the page, and is asked before actions.
import {byId, el} from './dom.js';

const shown = new Map();  // by source

/// Replaces the notices of `source`: [kind, title, text]. They are announced, so only when changed.
export function notice(source, notices) {
  if (JSON.stringify(shown.get(source) ?? []) === JSON.stringify(notices)) return;
  shown.set(source, notices);
  byId('notices').replaceChildren(...[...shown.values()].flat().map(
    ([kind, title, text]) => el('p', {class: `notice ${kind}`}, el('strong', {}, title), text)));
}

/// Resolves to whether the operator agrees.
export function confirm(title, text, yes, isDangerous = false) {
  const dialog = byId('confirm');
  byId('confirm-title').textContent = title;
  byId('confirm-text').textContent = text;
  byId('confirm-yes').textContent = yes;
  byId('confirm-yes').className = isDangerous ? 'danger' : '';
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise(resolve => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), {once: true});
  });
}
