// Elements, and numbers as people read them.

/// el('td', {class: 'number'}, '12', child): attributes by name, functions as listeners. Absent
/// children (null, undefined, false) are left out; texts are never parsed as HTML.
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function')
      node.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false)
      node.setAttribute(name, value);
  }
  node.append(
    ...children.flat().filter(child => child !== null && child !== undefined && child !== false));
  return node;
}

export const byId = id => document.getElementById(id);

/// 12, 12,345, 123.4k, 4.5M.
export function count(number) {
  if (number < 100_000) return Math.round(number).toLocaleString('en');
  return number < 1e6 ? `${(number / 1e3).toFixed(1)}k` : `${(number / 1e6).toFixed(2)}M`;
}

/// Of events in a second.
export function rate(number) {
  if (!number) return '0';
  return number < 10 ? number.toFixed(number < 0.1 ? 2 : 1) : count(number);
}

/// 0.08 ms, 12 ms, 840 ms, 1.25 s, 2.1 min; nothing: a dash.
export function time(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return '–';
  if (ms > 0 && ms < 0.005) return '<0.01 ms';
  if (ms < 1000) return `${ms < 10 ? +ms.toFixed(2) : Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(2)} s` : `${(ms / 60_000).toFixed(1)} min`;
}

export function dollars(usd) {
  if (!usd) return '$0';
  if (usd < 0.0001) return '<$0.0001';
  return `$${usd < 0.01 ? usd.toPrecision(2) : usd.toFixed(usd < 1 ? 3 : 2)}`;
}

export function bytes(number) {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  const power = Math.min(Math.floor(Math.log2(Math.max(number, 1)) / 10), 3);
  const value = number / 1024 ** power;
  return `${value < 10 && power ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

/// 3d 4h, 4h 12m, 12m 5s, 5s.
export function span(seconds) {
  const parts = [[86400, 'd'], [3600, 'h'], [60, 'm'], [1, 's']];
  const first = Math.max(parts.findIndex(([size]) => seconds >= size), 0);
  return parts.slice(seconds ? first : 3, first + 2)
    .map(([size, unit], i) => {
      const rest = i ? seconds % parts[first][0] : seconds;
      return `${Math.floor(rest / size)}${unit}`;
    })
    .join(' ');
}

/// The time of day, in the reader's zone.
export function clock(ms, withSeconds = true) {
  return new Date(ms).toLocaleTimeString(
    'en-GB', withSeconds ? {} : {hour: '2-digit', minute: '2-digit'});
}

/// The value that `share` of the numbers do not exceed; null: there are none.
export function quantile(numbers, share) {
  if (!numbers.length) return null;
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(Math.ceil(share * sorted.length), sorted.length) - 1];
}

/// "a", "a, b": for captions.
export function cell(text, kind = 'number') {
  return el(
    'td', {class: text === '0' || text === '–' || text === '$0' ? `${kind} zero` : kind}, text);
}
