// What the operator can do here. Each action is confirmed.
import {ask} from './api.js';
import {byId} from './dom.js';
import {confirm, notice} from './notices.js';

/// Shows what came of `action`, which returns a sentence.
async function attempt(name, action) {
  try {
    notice('action', [['good', `${name}: `, await action()]]);
  } catch (error) {
    const problems =
      (error.body?.problems ?? []).map(({file, line, text}) => `${file}:${line}: ${text}`);
    notice('action', [['bad', `${name} failed: `, problems.join('; ') || error.message]]);
  }
}

byId('reload').addEventListener('click', async () => {
  const text = 'The gateway reads its configuration again. If that has a problem, nothing changes.';
  if (!(await confirm('Reload the configuration?', text, 'Reload'))) return;
  await attempt('Reload', async () => {
    const {pipeline, warnings = [], message} =
      await (await ask('/reload', {method: 'POST'})).json();
    return message ?? [pipeline, ...warnings.map(warning => `warning: ${warning.text}`)].join('; ');
  });
});

byId('drain').addEventListener('click', async () => {
  const text =
    'The gateway finishes the requests that run, ' +
      'accepts no others, and ends. Whatever has started it decides whether it starts again.';
  if (!(await confirm('Shut the gateway down?', text, 'Shut down', true))) return;
  await attempt(
    'Shutdown', async () => (await (await ask('/drain', {method: 'POST'})).json()).message);
});

export function showLogLevel(level) {
  const select = byId('log-level');
  select.dataset.level = level;
  if (document.activeElement !== select) select.value = level;
}

byId('log-level').addEventListener('change', async ({target}) => {
  const level = target.value;
  target.value = target.dataset.level;  // until it is changed
  const text = `The log has lines of the level ${level} and above, until the next reload.`;
  target.blur();
  if (!(await confirm(`Log ${level}?`, text, 'Change'))) return;
  await attempt('Log level', async () => {
    await ask('/log-level', {method: 'PUT', body: JSON.stringify({level})});
    showLogLevel(level);
    return `it is ${level} until the next reload.`;
  });
});

byId('log-out').addEventListener('click', async () => {
  await ask('/session', {method: 'DELETE'});
  location.reload();
});
