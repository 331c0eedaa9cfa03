// Reads what the page shows, as long as somebody looks at it.
import './playground.js';

import {showLogLevel} from './actions.js';
import {json, knowRoutes, Metrics} from './api.js';
import {showCaches} from './cache.js';
import {showHistory} from './charts.js';
import {showHead} from './head.js';
import {showDecisions, showHottest, showLimits} from './limits.js';
import {showModels} from './models.js';
import {notice} from './notices.js';
import {showPlugins} from './pipeline.js';
import {follow} from './requests.js';
import {showToolCalls, showToolServers} from './tools.js';

async function showStatus() {
  const status = await json('/status');
  knowRoutes(status.admin_routes ?? []);
  showHead(status);
  showLogLevel(status.log_level);
  showPlugins(status.plugins);
}

async function showMetrics() {
  const metrics = new Metrics(await json('metrics.json'));
  showModels(metrics);
  showDecisions(metrics);
  showToolCalls(metrics);
}

async function showLimited() {
  await showLimits();
  showHottest();
}

// What is read, and how often in ms.
const READS = [
  [2000, showStatus],
  [5000, showMetrics],
  [5000, showLimited],
  [10_000, async () => showHistory(await json('history.json'))],
  [10_000, showCaches],
  [10_000, showToolServers],
];

async function read(what) {
  try {
    await what();
    notice('connection', []);
  } catch (error) {
    console.warn(error);
    notice('connection', [['bad', 'The gateway does not respond: ', error.message]]);
  }
}

for (const [interval, what] of READS) {
  setInterval(() => document.hidden || read(what), interval);
  document.addEventListener('visibilitychange', () => document.hidden || read(what));
}
await read(READS[0][1]);  // first the status: it has the routes that others read
for (const [, what] of READS.slice(1)) read(what);
follow();
