// The gateway's side of the page: the admin address that has served it.

/// Responses with 2xx; others throw an Error with the gateway's sentence. Without a session the
/// page is loaded again, which shows the login.
export async function ask(path, options = {}) {
  const response = await fetch(path, {cache: 'no-store', ...options});
  if (response.status === 401) location.reload();
  if (!response.ok) throw await failure(response);
  return response;
}

export const json = async path => (await ask(path)).json();

export async function failure(response) {
  const body = await response.json().catch(() => ({}));
  const error = new Error(body.message ?? body.error?.message ?? `status ${response.status}`);
  error.body = body;
  return error;
}

let routes = [];  // of the admin address: {method, path}
export const knowRoutes = known => {
  routes = known;
};
/// Those of plugins by their last part, whatever the name of the instance.
export const routesTo = (end, method = 'GET') =>
  routes.filter(r => r.method === method && r.path.endsWith(end));

/// The samples of the metrics: [{name, labels, value}].
export class Metrics {
  constructor(samples) {
    this.series = new Map();  // by name
    for (const sample of samples) {
      if (!this.series.has(sample.name)) this.series.set(sample.name, []);
      this.series.get(sample.name).push(sample);
    }
  }

  /// Series of a name whose labels have these values.
  of(name, wanted = {}) {
    const fits = ({labels}) =>
      Object.entries(wanted).every(([key, value]) => labels[key] === value);
    return (this.series.get(name) ?? []).filter(fits);
  }

  /// Series of all names that end so.
  ending(suffix) {
    return [...this.series].filter(([name]) => name.endsWith(suffix)).flatMap(([, all]) => all);
  }

  sum(name, wanted) { return this.of(name, wanted).reduce((sum, {value}) => sum + value, 0); }

  /// By the value of one label: [[value, sum]].
  by(name, label, wanted) {
    const sums = new Map();
    for (const {labels, value} of this.of(name, wanted))
      sums.set(labels[label], (sums.get(labels[label]) ?? 0) + value);
    return [...sums];
  }

  /// Of a histogram in seconds, in ms, by linear interpolation within a bucket; null: it is empty.
  quantile(name, share, wanted) {
    const bounds = this.by(`${name}_bucket`, 'le', wanted).map(([le,
      n]) => [Number(le.replace('+Inf', 'Infinity')), n]);
    bounds.sort((a, b) => a[0] - b[0]);
    const total = bounds.at(-1)?.[1] ?? 0;
    if (!total) return null;
    const at = bounds.findIndex(([, n]) => n >= share * total);
    const [low, below] = at ? bounds[at - 1] : [0, 0];
    const [high, upTo] = bounds[at];
    if (high === Infinity) return low * 1000;
    return 1000 * (low + ((high - low) * (share * total - below)) / (upTo - below || 1));
  }
}

/// Rates of counters over the last minute, from what was read at each time.
export class Rates {
  constructor() { this.reads = []; }

  /// `counters`: numbers by name.
  add(counters, now = Date.now()) {
    this.reads.push({now, counters});
    while (this.reads.length > 2 && now - this.reads[1].now >= 60_000) this.reads.shift();
  }

  /// In a second.
  of(name) {
    const first = this.reads.find(({counters}) => name in counters), last = this.reads.at(-1);
    if (!first || first === last) return 0;
    const grown = (last.counters[name] ?? 0) - first.counters[name];
    return Math.max(grown, 0) / ((last.now - first.now) / 1000);
  }
}
