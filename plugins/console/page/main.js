// Reads what the page shows, as long as somebody looks at it.
import './actions.js';
import './playground.js';

import {ask, json, Metrics} from './api.js';
import {showHistory} from './charts.js';
import {follow} from './requests.js';
import {notice, showMetrics, showRoutes, showStatus} from './views.js';

// What is read, and how often in ms.
const READS = [
  [2000, async () => showStatus(await json('/status'))],
  [5000, async () => showMetrics(new Metrics(await (await ask('metrics')).text()))],
  [10_000, async () => showHistory(await json('history.json'))],
  [10_000, showRoutes],
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
await read(READS[0][1]);  // first the status: it has the routes that the last one reads
for (const [, what] of READS.slice(1)) read(what);
follow();
