// The tests: what the page shows and does. Names are sentences.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import {startModel} from '../demo/servers.mjs';
import {root} from '../pages/clients.mjs';
import {look} from '../pages/look.mjs';
import {eventually} from '../pages/play.mjs';
import {ARTEFACTS, SIMULATED, TOKEN} from './play.mjs';

const rows = tab => tab.locator('#rows tr.request');
const shows = (tab, selector, text) =>
  eventually(async () => (await tab.locator(selector).allInnerTexts()).join('\n').includes(text),
    async () => `${selector} does not show "${text}" but:\n${
      (await tab.locator(selector).allInnerTexts()).join('\n')}`);

/// A pipeline whose models are played by `provider`.
const served = (provider, keys = 'k') =>
  SIMULATED.slice(0, -1)
    .map(one => (one.chat ? {chat: {models: ['*'], default_model: 'smart'}} : one))
    .concat([
      {models: {names: {smart: 'openai/gpt-5.2'}}}, {openai: {api_key: keys, base_url: provider}}
    ]);

/// The simulated pipeline with this in place of the entry of a plugin.
const withPlugin = (name, settings) =>
  SIMULATED.map(one => (one === name || one[name] ? {[name]: settings} : one));

/// The simulated pipeline with a tool server whose tool `desk_echo` needs an approval, and how often
/// that was called.
function withApproval(play) {
  const journal = path.join(play.folder, 'journal');
  const command = ['python3', path.join(root, 'tests/mcp/server.py'), '--journal', journal];
  const desk = {name: 'desk', command, location: 'backend', approval: ['echo']};
  return {
    pipeline: withPlugin('mcp', {servers: [desk]}),
    calls: () => fs.readFileSync(journal, 'utf8').split('"tools/call"').length - 1
  };
}

/// Numbers of /metrics, by name and labels as they stand there.
async function metrics(play) {
  const text = await (await fetch(`${play.origin}/metrics`)).text();
  return Object.fromEntries(
    [...text.matchAll(/^([a-z]\S*) (\S+)$/gm)].map(([, name, value]) => [name, Number(value)]));
}

export const tests = {
  'the operator logs in, and out again': async play => {
    await play.serve();
    const tab = await play.open('/');
    assert.equal(new URL(tab.url()).pathname, '/console/');
    const [cookie] = await play.browser.cookies(play.admin);
    assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, 'Strict']);
    await tab.getByRole('button', {name: 'Log out'}).click();
    await tab.getByLabel('Admin token').waitFor();
    assert.deepEqual(await play.browser.cookies(play.admin), []);
  },

  'a wrong token shows nothing of the page': async play => {
    await play.serve();
    const tab = await play.tab();
    await tab.goto(`${play.admin}/console/`);
    await play.logIn(tab, `${TOKEN}x`);
    assert.match(await tab.getByRole('alert').innerText(), /not the admin token/);
    const files =
      ['/console/', '/console/main.js', '/console/requests.json', '/console/live', '/status'];
    for (const file of files) assert.equal((await fetch(play.admin + file)).status, 401, file);
  },

  'a page of another origin can neither read nor change anything': async play => {
    await play.serve();
    await play.open();
    const other = await play.tab();
    await other.goto(
      `${play.origin}/livez`);  // the same machine, another port: the cookie is sent there, too
    const tried = await other.evaluate(async admin => {
      const attempt = options => fetch(
        options.path ? admin + options.path : admin, {credentials: 'include',
          ...options}).then(response => response.status, error => error.name);
      return [
        await attempt({path: '/status'}),
        await attempt({path: '/reload', method: 'POST'}),
        await attempt({path: '/drain', method: 'POST', mode: 'no-cors', body: ''}),
      ];
    }, play.admin);
    assert.deepEqual(tried, ['TypeError', 'TypeError', 0]);
    assert.equal(play.log.some(entry => entry.message.startsWith('reloaded')), false);
    assert.equal((await play.get('/status')).status, 200);
  },

  'a name that leads to this machine is not served': async play => {
    await play.serve();
    const {port} = new URL(play.admin);
    const {request} = await import('node:http');
    const status = await new Promise(resolve => {
      request(
        {host: '127.0.0.1', port, path: '/console/', headers: {Host: `rebound.example:${port}`}},
        response => resolve(response.statusCode))
        .end();
    });
    assert.equal(status, 421);
  },

  'its numbers are those of /metrics and /status': async play => {
    const provider = await play.provider();
    await play.serve(served(provider));
    await play.load(40, i => play.chat(`Question ${i}`));
    const tab = await play.open();
    const numbers = await metrics(play), status = await (await play.get('/status')).json();
    await shows(tab, '#model-rows', 'gpt-5.2');
    const cells = await tab.locator('#model-rows tr').first().locator('td').allInnerTexts();
    const calls = Object.entries(numbers).filter(
      ([name]) => name.startsWith('gatehouse_upstream_requests_total{'));
    assert.equal(Number(cells[1]), calls.reduce((sum, [, value]) => sum + value, 0));
    const failed =
      numbers['gatehouse_upstream_requests_total{provider="openai",model="gpt-5.2",code="429"}'];
    assert.equal(cells.at(-1), `429 × ${failed}`);
    assert.equal(cells[6], '360 / 120');  // 40 responses of 9 and 3 tokens
    assert.equal(cells[7],
      `$${numbers['gatehouse_cost_usd_total{provider="openai",model="gpt-5.2"}'].toPrecision(2)}`);
    const names = await tab.locator('#plugins td:first-child').allInnerTexts();
    assert.deepEqual(names.map(name => name.split('\n')[0]),
      status.plugins.map(({name, version}) => `${name} ${version}`));
    assert.match(await tab.locator('#facts').innerText(),
      new RegExp(`Running\\s+0 of ${status.max_running.toLocaleString('en')}`));
    await shows(tab, '#limit-parts',
      `allowed\n${
        numbers['gatehouse_throttle_decisions_total{plugin="throttler",decision="allowed"}']}`);
    await shows(tab, '#part-limits', '480 of 1.00M');
  },

  'callers are shown that are refused now, and what others have left': async play => {
    const provider = await play.provider();
    const limited = served(provider).map(one => (one.throttler ?
        {throttler: {limit: 8, window: '60s', key: 'extension'}} :
        one.budget ? {budget: {limits: [{for: 'everyone', per: 'day', requests: 4}]}} :
                     one));
    await play.serve(limited);
    const tab = await play.open();
    const row = text => tab.locator('#part-limits tbody tr', {hasText: text}).innerText();
    for (let i = 0; i < 4; ++i) await play.chat(`Question ${i}`);
    await shows(tab, '#part-limits', 'Nobody is refused now.');
    await shows(tab, '#part-limits', 'requests per 60 s');
    assert.match(await row('per day'), /^everyone\s+requests per day\s+4 of 4\s+0\s+0$/);
    assert.match(await row('per 60 s'), /^a.*\s+requests per 60 s\s+4 of 8\s+4\s+0$/);
    for (let i = 4; i < 11; ++i) await play.chat(`Question ${i}`);
    await shows(tab, '#part-limits', '2 refused now.');
    const [{limits: [budget]}, {limits: [rate]}] = await Promise.all(
      ['/budget/limits', '/throttler/limits'].map(async path => (await play.get(path)).json()));
    assert.deepEqual([budget.refused, budget.left, rate.refused, rate.left], [4, 0, 3, 0]);
    assert.match(await row('per day'), /^everyone\s+requests per day\s+4 of 4\s+0\s+4\s+now, for \d+[hms]/);
    assert.match(await row('per 60 s'), /^a.*\s+requests per 60 s\s+8 of 8\s+0\s+3\s+now, for \d+s$/);
    const numbers = await metrics(play);
    const refusals = name =>
      numbers[`gatehouse_${name}_decisions_total{plugin="${
        name === 'throttle' ? 'throttler' : name}",decision="refused"}`];
    assert.deepEqual([refusals('budget'), refusals('throttle')], [4, 3]);
    const {tenant} = (await (await play.get('/console/requests.json')).json())[0];
    await shows(tab, '#part-hottest', `${tenant}\t11\t7`);
  },

  'keys that cool down are shown by their place alone': async play => {
    const provider = await play.provider();
    await play.serve(served(provider, ['MARKED-KEY-1', 'MARKED-KEY-2']));
    await play.load(10, i => play.chat(`Question ${i}`), 1);  // the tenth is rate limited
    const tab = await play.open();
    await shows(tab, '#model-notes', 'Key 2 of openai rests for');
    const until = (await metrics(play))[
      'gatehouse_upstream_key_rests_until_timestamp_seconds{plugin="openai",key="2"}'];
    const [, minutes = 0, seconds] =
      /rests for (?:(\d+)m )?(\d+)s/.exec(await tab.locator('#model-notes').innerText());
    const left = 60 * minutes + Number(seconds);
    assert.ok(Math.abs(until - Date.now() / 1000 - left) < 6, `${left} s are left`);
    assert.doesNotMatch(await tab.content(), /MARKED/);
  },

  'an open circuit and retries are shown': async play => {
    const retry = {retry: {attempts: 2, delay: '1ms', breaker: {failures: 1}}};
    await play.serve(served('http://127.0.0.1:1/v1').map(one => (one === 'retry' ? retry : one)));
    await play.chat();
    const tab = await play.open();
    await shows(tab, '#model-notes', '1 retries of upstream calls.');
    await shows(tab, '#model-notes', 'The circuit of retry is open');
    await shows(tab, '#notices', 'retry is down: circuit open');
  },

  'a model that is about to end is shown': async play => {
    const model = await startModel(() => [{text: 'Hi'}]);
    play.helpers.push(model);
    const nextMonth = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
    const models = {as_of: '2026-01-01', families: {}, models: {'': {}, 'late-model': {ends: nextMonth}}};
    fs.writeFileSync(path.join(play.folder, 'models.json'), JSON.stringify(models));
    const gemini = {api_key: 'k', base_url: model.address, models_file: 'models.json'};
    const chat = {models: ['*'], default_model: 'late-model'};
    await play.serve(withPlugin('chat', chat).slice(0, -1).concat({gemini}));
    await play.chat();
    const tab = await play.open();
    await shows(tab, '#model-notes', `late-model ends on ${nextMonth}.`);
  },

  'tool servers are shown, with their tools, calls and approvals': async play => {
    const {pipeline} = withApproval(play);
    await play.serve(pipeline);
    const tab = await play.open();
    const [desk] = await (await play.get('/mcp/servers')).json();
    const offered = desk.tools.filter(tool => !tool.left_out).length;
    await shows(tab, '#part-servers-mcp', `\tup\t${offered}\t1\t${desk.tools.length - offered}`);
    await play.chat('desk_pid');
    const calls = (await metrics(play))['gatehouse_mcp_calls_total{server="desk",result="ok"}'];
    assert.equal(calls, 1);
    await shows(tab, '#part-calls', `desk ok\n${calls}`);
  },

  'the simulator is announced in red': async play => {
    await play.serve();
    const tab = await play.open();
    await shows(tab, '.notice.bad', 'Responses come from the simulator');
  },

  'requests appear as they end, with waterfall and log lines': async play => {
    await play.serve();
    const tab = await play.open();
    await play.chat('Hi', {'X-Request-Id': 'mine-1'});
    await rows(tab).first().waitFor();
    await rows(tab).first().click();
    await shows(tab, '.waterfall', 'simulator');
    await shows(tab, '.log-lines', '← 200 POST /api/chat');
    assert.match(await tab.locator('.members').innerText(), /mine-1/);
    await tab.waitForURL(/request=mine-1/);
    await tab.reload();
    await shows(tab, '.members', 'mine-1');  // the address shows a colleague the same
  },

  'requests that failed are listed though nobody looked': async play => {
    await play.serve();
    await play.chat('Hi');
    await fetch(`${play.origin}/api/chat`, {method: 'POST'});
    const tab = await play.open();
    await shows(tab, '#rows', 'extension_id_required');
    assert.equal(await rows(tab).count(), 1);
  },

  'filters are part of the address': async play => {
    await play.serve();
    const tab = await play.open();
    await play.chat('Hi');
    await play.load(3, () => fetch(`${play.origin}/api/chat`, {method: 'POST'}));
    await eventually(
      async () => (await rows(tab).count()) === 4, () => 'four requests are not there');
    await tab.getByLabel('Outcome').selectOption('failed');
    await eventually(async () => (await rows(tab).count()) === 3, () => 'the filter has no effect');
    await tab.getByLabel('Search').fill('extension_id');
    await tab.waitForURL(/q=extension_id&outcome=failed/);
    const colleague = await play.open(new URL(tab.url()).pathname + new URL(tab.url()).search);
    await eventually(
      async () => (await rows(colleague).count()) === 3, () => 'the address does not filter');
  },

  'no prompt and no key is on the page': async play => {
    await play.serve();
    const tab = await play.open();
    await play.chat('MARKED-PROMPT', {Authorization: 'Bearer MARKED-KEY'});
    await rows(tab).first().click();
    await shows(tab, '.log-lines', '← 200 POST /api/chat');
    assert.doesNotMatch(await tab.content(), /MARKED/);
    assert.doesNotMatch(await (await play.get('/console/requests.json')).text(), /MARKED/);
  },

  'prompts and responses are shown if the configuration allows it': async play => {
    await play.serve(withPlugin('console', {content: true}));
    const tab = await play.open();
    await play.chat('MARKED-PROMPT');
    await rows(tab).first().click();
    await shows(tab, '.content', 'MARKED-PROMPT');
    assert.equal(await tab.locator('.content').count(), 2);
  },

  'ten thousand requests do not slow the page down': async play => {
    await play.serve();
    const tab = await play.open();
    const sent = 10_000;
    await tab.evaluate(() => {
      window.longest = 0;
      let last = performance.now();
      const look = now => {
        window.longest = Math.max(window.longest, now - last);
        last = now;
        requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
    await play.load(
      sent, () => fetch(`${play.origin}/api/nothing`).then(response => response.text()));
    const last = (await (await play.get('/console/requests.json')).json()).at(-1).number;
    assert.equal(last, sent);
    const newest = () =>
      tab.evaluate(() => import('/console/requests.js').then(page => page.all()[0]?.number));
    await eventually(
      async () => (await newest()) === sent, async () => `the newest is ${await newest()}`);
    assert.equal(await rows(tab).count(), 100);
    const began = Date.now();
    await tab.getByLabel('Search').fill('no such request');
    await tab.locator('#no-rows').waitFor();
    assert.ok(Date.now() - began < 2000, 'the filter takes too long');
    assert.ok(await tab.evaluate(() => window.longest) < 3000,
      `a frame took ${await tab.evaluate(() => window.longest)} ms`);
  },

  'no action happens without a confirmation': async play => {
    await play.serve();
    const tab = await play.open();
    const dialog = tab.getByRole('dialog');
    const changes = [];
    tab.on('request', request => request.method() === 'GET' || changes.push(request.url()));
    const cancel = async () => {
      await dialog.getByRole('button', {name: 'Cancel'}).click();
      await dialog.waitFor({state: 'hidden'});
    };
    for (const name of ['Reload', 'Shut down']) {
      await tab.getByRole('button', {name}).click();
      await cancel();
    }
    await tab.getByLabel('Log level').selectOption('error');
    await cancel();
    assert.equal(await tab.getByLabel('Log level').inputValue(), 'info');
    await tab.getByLabel('Key of an entry').fill('a'.repeat(64));
    await tab.getByRole('button', {name: 'Forget'}).click();
    await cancel();
    await tab.getByRole('button', {name: 'Reload'}).click();
    await tab.keyboard.press('Escape');
    await dialog.waitFor({state: 'hidden'});
    assert.deepEqual(changes, []);
  },

  'an entry of the cache is forgotten': async play => {
    await play.serve();
    const tab = await play.open();
    const cached = async () => (await (await play.get('/console/requests.json')).json())
                                 .map(({notes}) => notes.cache);
    await play.chat('Hi');
    await play.chat('Hi');
    assert.deepEqual(await cached(), ['miss', 'hit']);
    await shows(tab, '#part-cache-cache', 'hit ratio\n50 %');
    const statistics = await (await play.get('/cache/statistics')).json();
    await shows(tab, '#part-cache-cache', `served\n${(statistics.bytes_served / 1024).toFixed(1)} KiB`);
    await rows(tab).first().click();
    const [key] = /[0-9a-f]{64}/.exec(await tab.locator('.members').innerText());
    await tab.getByLabel('Key of an entry').fill(key);
    await tab.getByRole('button', {name: 'Forget'}).click();
    await tab.getByRole('dialog').getByRole('button', {name: 'Forget'}).click();
    await shows(tab, '#limit-parts', 'Forgotten.');
    await play.chat('Hi');
    assert.deepEqual(await cached(), ['miss', 'hit', 'miss']);
  },

  'actions happen once they are confirmed': async play => {
    await play.serve();
    const tab = await play.open();
    const dialog = tab.getByRole('dialog');
    const reloads = () => play.log.filter(entry => entry.message.startsWith('reloaded')).length;
    await tab.getByRole('button', {name: 'Reload'}).click();
    await dialog.getByRole('button', {name: 'Reload'}).click();
    await shows(tab, '#notices', 'access-log → console');
    assert.equal(reloads(), 1);
    await tab.getByLabel('Log level').selectOption('debug');
    await dialog.getByRole('button', {name: 'Change'}).click();
    await shows(tab, '#notices', 'it is debug');
    assert.equal((await (await play.get('/status')).json()).log_level, 'debug');
  },

  'problems of a reload are on the page': async play => {
    await play.serve();
    const tab = await play.open();
    play.configure(['no-such-plugin']);
    await tab.getByRole('button', {name: 'Reload'}).click();
    await tab.getByRole('dialog').getByRole('button', {name: 'Reload'}).click();
    await shows(tab, '#notices', 'unknown plugin `no-such-plugin`');
  },

  'the operator shuts the gateway down': async play => {
    await play.serve();
    const tab = await play.open();
    await tab.getByRole('button', {name: 'Shut down'}).click();
    await tab.getByRole('dialog').getByRole('button', {name: 'Shut down'}).click();
    await eventually(() => play.gateways[0].gateway.exitCode === 0, () => 'it goes on');
  },

  'the playground sends a chat through the pipeline': async play => {
    const provider = await play.provider();
    await play.serve(served(provider));
    const tab = await play.open();
    await tab.getByLabel('Message').fill('Are you there?');
    await tab.getByRole('button', {name: 'Send'}).click();
    await shows(tab, '#play-text', 'Hello, operator.');
    await shows(tab, '#play-events', 'text-delta');
    await shows(tab, '#play-wire', 'data: [DONE]');
    await tab.getByLabel('Message').fill('And now?');
    await tab.getByRole('button', {name: 'Send'}).click();
    await eventually(
      async () => (await rows(tab).count()) === 2, () => 'it did not pass the pipeline');
  },

  'the playground runs a tool that the operator allows, and goes on': async play => {
    const {pipeline, calls} = withApproval(play);
    await play.serve(pipeline);
    const tab = await play.open();
    await tab.getByLabel('Message').fill('desk_echo');
    await tab.getByRole('button', {name: 'Send'}).click();
    await tab.getByRole('button', {name: 'Allow'}).waitFor();
    await shows(tab, '#play-events', 'tool-approval-request');
    assert.equal(calls(), 0);
    await tab.getByRole('button', {name: 'Allow'}).click();
    await shows(tab, '#play-text', 'The tool desk_echo returned:');
    await shows(tab, '#play-text .tool', 'allowed');
    await shows(tab, '#play-wire', 'tool-output-available');
    assert.equal(calls(), 1);
    await shows(tab, '#part-approvals', 'approved\n1');
    await tab.getByLabel('Message').fill('Thank you');
    await tab.getByRole('button', {name: 'Send'}).click();
    await shows(tab, '#play-text', 'You said: Thank you');
  },

  'the playground runs no tool that the operator denies': async play => {
    const {pipeline, calls} = withApproval(play);
    await play.serve(pipeline);
    const tab = await play.open();
    await tab.getByLabel('Message').fill('desk_echo');
    await tab.getByRole('button', {name: 'Send'}).click();
    await tab.getByRole('button', {name: 'Deny'}).focus();
    await tab.keyboard.press('Enter');
    await shows(tab, '#play-text', 'The tool desk_echo failed:');
    await shows(tab, '#play-text .tool', 'denied');
    assert.equal(calls(), 0);
    assert.equal(await tab.getByRole('button', {name: 'Allow'}).count(), 0);
  },

  'the playground shows why a chat fails': async play => {
    await play.serve();
    const tab = await play.open();
    await tab.getByLabel('Extension id').fill('');
    await tab.getByRole('button', {name: 'Send'}).click();
    await shows(tab, '#play-text', 'Extension ID is required');
  },

  'everything can be reached by keyboard': async play => {
    await play.serve();
    const tab = await play.open();
    await play.chat('Hi');
    await rows(tab).first().waitFor();
    const seen = new Set();
    for (let i = 0; i < 80; ++i) {
      await tab.keyboard.press('Tab');
      seen.add(await tab.evaluate(() => document.activeElement.id || document.activeElement.name ||
          document.activeElement.className));
    }
    for (const wanted of ['skip', 'log-level', 'reload', 'drain', 'log-out', 'pause', 'q',
           'outcome', 'model', 'kind', 'time', 'key', 'text', 'play-clear'])
      assert.ok(seen.has(wanted), `${wanted} is not reached: ${[...seen]}`);
    await tab.locator('.time').first().focus();
    await tab.keyboard.press('Enter');
    await shows(tab, '.waterfall', 'simulator');
    await tab.keyboard.press('Escape');
    assert.equal(await tab.locator('.detail').count(), 0);
    assert.equal(await tab.evaluate(() => document.activeElement.className), 'time');
    assert.equal(new URL(tab.url()).search, '');
    await tab.locator('#reload').focus();
    await tab.keyboard.press('Enter');
    await tab.keyboard.press('Escape');
    assert.equal(await tab.getByRole('dialog').count(), 0);
  },

  'it is readable at both widths, in light and dark': async play => {
    const provider = await play.provider();
    const limits = [{for: 'everyone', per: 'day', requests: 25}];
    const desk = {name: 'desk', command: ['python3', path.join(root, 'tests/mcp/server.py')]};
    await play.serve(served(provider, ['k', 'l']).map(one => (one.budget ? {budget: {limits}} :
        one.mcp ? {mcp: {servers: [{...desk, location: 'backend'}]}} :
                  one)));
    await play.get('/console/requests.json');  // from now on all requests are listed
    await play.load(40, i => play.chat(`Question ${i % 30}`));
    await play.load(3, () => fetch(`${play.origin}/api/chat`, {method: 'POST'}));
    for (const width of [1600, 360]) {
      const tab = await play.tab();
      await tab.context().clearCookies();
      await tab.goto(`${play.admin}/console/`);
      await look(tab, ARTEFACTS, 'login', {width, height: 1000});
      await play.logIn(tab);
      await rows(tab).nth(5).locator('.time').click();
      await shows(tab, '.log-lines', 'POST /api/chat');
      await shows(tab, '#limit-parts', 'hit ratio');
      await shows(tab, '#plugins', ' ms');
      await shows(tab, '#part-hottest', 'anyone');
      await shows(tab, '#tool-parts', 'desk');
      await look(tab, ARTEFACTS, 'console', {width, height: 1000});
      const tooWide = await tab.locator('.scroll').evaluateAll(all =>
        all.filter(one => one.scrollWidth > one.clientWidth + 1)
          .map(one => `${one.innerText.split('\n')[0]}: ${one.scrollWidth} of ${one.clientWidth}`));
      assert.deepEqual(tooWide, [], 'these tables need to be scrolled sideways');
      await tab.close();
    }
  },
};
