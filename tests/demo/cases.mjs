// What the clients of etc/demo do in a browser.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { eventually } from '../pages/play.mjs';
import { configs, unknownName } from './demo.mjs';

const endless = config => config.replace('simulator: {}', 'simulator: { repeat: 1000 }');
const button = (client, name) => client.tab.getByRole('button', { name, exact: true });
const system = ({ systemInstruction: { parts } }) => parts.map(part => part.text).join('\n');
const workflow = client => client.tab.getByRole('combobox', { name: 'Workflow' });

/// Once the response before has ended: until then nothing is sent.
async function ask(client, text) {
  await button(client, 'Send').waitFor();
  await client.ask(text);
}

export const tests = {};

/// Both clients do this.
function both(name, test) {
  for (const kind of ['extension', 'web']) tests[`the ${kind} ${name}`] = play => test(play, kind);
}

both('shows a response as it arrives', async (play, kind) => {
  const client = await play.client(kind);
  await play.look(client, `${kind}-welcome`);
  await ask(client, 'Good morning');
  await client.shows('You said: Good morning');
  await client.shows('gemini-3.8-flash · ');
  assert.ok((await client.seen()) > 5, 'the response appeared at once');
});

both('asks before a tool of the gateway runs', async (play, kind) => {
  const client = await play.client(kind);
  await client.choose('Take a note with notes_add: buy milk');
  await client.shows('notes_add\nwaits for your approval');
  await client.shows('text\nbuy milk');
  await play.look(client, `${kind}-question`);
  await client.choose('Allow');
  await client.shows('The tool notes_add returned: [{"type":"text","text":"Note 1 was added."}]');
  await ask(client, 'notes_add: buy a cow');
  await client.choose('Deny');
  await client.shows('was denied');
  await ask(client, 'notes_list');
  await client.shows('"1. buy milk"');
  assert.equal(await button(client, 'Allow').count(), 0, 'an old question can still be answered');
});

both('offers a model what the workflow allows', async (play, kind) => {
  const model = await play.model(() => [{ text: 'Done.' }]);
  const client = await play.client(kind, { config: model.in(configs[kind]) });
  await ask(client, 'Good morning');
  await client.shows('Done.');
  await workflow(client).selectOption('Take notes');
  await ask(client, 'Good night');
  await eventually(() => model.requests.length === 2, () => 'the second request does not arrive');
  const offered = ({ tools: [{ functionDeclarations }] }) =>
    functionDeclarations.map(tool => tool.name).sort();
  assert.deepEqual(model.requests.map(offered), [
    ['notes_add', 'notes_list', 'open_tab', 'read_selection'],
    ['notes_add', 'notes_list', 'read_selection'],
  ]);
  assert.match(system(model.requests[1]), /You keep the notes of the user/);
});

tests['the web page is read when the user shares it'] = async play => {
  const model = await play.model(() => [{ text: 'Done.' }]);
  const client = await play.client('web', { config: model.in(configs.web) });
  await ask(client, 'Good morning');
  await client.shows('Done.');
  await client.choose('This page');
  await client.tab.getByRole('button', { name: 'This page', pressed: true }).waitFor();
  await ask(client, 'Good night');
  await eventually(() => model.requests.length === 2, () => 'the second request does not arrive');
  const [before, after] = model.requests.map(system);
  assert.doesNotMatch(before, /A gatehouse was the one way/);
  assert.match(after, /The gatehouse\nhttp:\/\/localhost:5173\/\n[^]*A gatehouse was the one way/);
};

tests['the web page reads its selection, and opens a tab that the user allows'] = async play => {
  const client = await play.client('web');
  await client.tab.getByRole('heading', { name: 'What the keeper did' }).selectText();
  await ask(client, 'read_selection');
  await client.shows('The tool read_selection returned: What the keeper did');
  await opensTabs(play, client);
};

tests['the extension reads the tab on which it was clicked'] = async play => {
  const model = await play.model(({ contents }) => {
    const result = contents.at(-1).parts.find(part => part.functionResponse);
    return result ? [{ text: JSON.stringify(result.functionResponse.response) }]
      : [{ functionCall: { name: 'read_selection', args: {} } }];
  });
  const site = await play.site('<title>Weather</title><p>It rains in <b>Turin</b>.');
  const client = await play.client('extension', { config: model.in(configs.extension) });
  const tab = await play.browser.newPage();
  await tab.goto(site.address);
  await tab.locator('b').selectText();

  await client.choose('This page');
  assert.match(await client.alert(), /The tab cannot be read\nClick the icon of this extension/);
  await play.look(client, 'extension-unreadable');
  await tab.bringToFront();
  await ask(client, 'What did I select?');
  await client.shows('Click the icon of this extension while the tab is shown');

  await play.clickIcon(client.tab.url());
  await client.choose('This page');
  await client.tab.getByRole('button', { name: 'This page', pressed: true }).waitFor();
  await ask(client, 'What did I select?');
  await client.shows('Turin');
  assert.match(system(model.requests.at(-1)), /Weather\n[^]*It rains in Turin\./);
};

tests['the extension opens a tab that the user allows'] = async play => {
  await opensTabs(play, await play.client('extension'));
};

async function opensTabs(play, client) {
  const site = await play.site('Here');
  const before = play.browser.pages().length;
  await ask(client, `open_tab: ${site.address}`);
  await client.choose('Deny');
  await client.shows('The tool open_tab failed: The user does not want this.');
  await ask(client, 'open_tab: javascript:alert(1)');
  await client.choose('Allow');
  await client.shows('open_tab failed: javascript:alert(1) is not an address of a web page.');
  assert.equal(play.browser.pages().length, before);
  await ask(client, `open_tab: ${site.address}`);
  await client.choose('Allow');
  await client.shows(`The tool open_tab returned: ${site.address} is open.`);
  await eventually(() => play.browser.pages().some(page => page.url() === `${site.address}/`),
    () => 'no tab is open');
}

both('stops a response', async (play, kind) => {
  const client = await play.client(kind, { config: endless(configs[kind]) });
  await ask(client, 'Good morning');
  await client.shows('You said: Good morning');
  await client.choose('Stop');
  await button(client, 'Send').waitFor();
  await play.logged(entry => /^[✗←] 200 POST .api.chat/.test(entry.message));
  await client.shows('You said: Good morning');
  const again = await play.reopen(client);
  await again.shows('You said: Good morning');
  assert.equal(await again.tab.getByRole('status').count(), 0, 'it is resumed');

  await ask(again, 'Good night');
  await again.shows('You said: Good night');
  await again.choose('New chat');
  await again.tab.getByRole('heading', { name: /^Ask about/ }).waitFor();
  const third = await play.reopen(again);
  await third.tab.getByRole('heading', { name: /^Ask about/ }).waitFor();
});

const slow = config =>
  config.replace('simulator: {}', 'simulator: { repeat: 3, word_delay: 40ms }');
const responses = client => client.tab.getByLabel('Assistant', { exact: true }).allInnerTexts();
const times = (text, part) => text.split(part).length - 1;

both('goes on with a response after it was closed', async (play, kind) => {
  const client = await play.client(kind, { config: slow(configs[kind]) });
  await ask(client, 'Good morning');
  await client.shows('You said: Good morning');
  const again = await play.reopen(client);
  await again.shows('Resuming the response');
  await button(again, 'Send').waitFor();
  const [response, ...others] = await responses(again);
  assert.equal(times(response, 'You said: Good morning'), 3, response);
  assert.deepEqual(others, []);

  await ask(again, 'notes_add: buy milk');
  await again.choose('Allow');
  await again.shows('The tool notes_add returned');
  const third = await play.reopen(again);
  await third.shows('Resuming the response');
  await button(third, 'Send').waitFor();
  const [, continued, ...more] = await responses(third);
  assert.match(continued, /^notes_add\n+has run/);
  assert.equal(times(continued, 'That is all I can say about it.'), 3, continued);
  assert.deepEqual(more, []);
});

both('reports a response that was lost, and sends the question again', async (play, kind) => {
  const client = await play.client(kind, { config: endless(configs[kind]) });
  await ask(client, 'Good morning');
  await client.shows('You said: Good morning');
  const other = `http://${await play.serve(configs[kind])}`;
  await client.tab.evaluate(address =>
    localStorage.setItem('gatehouse:settings', JSON.stringify({ address, token: '' })), other);
  const again = await play.reopen(client);
  await again.shows('The response was lost\n');
  await play.look(again, `${kind}-gone`);
  await again.choose('Ask again');
  await again.shows('You said: Good morning');
});

both('goes on when its connection was lost', async (play, kind) => {
  const client = await play.client(kind, { config: slow(configs[kind]) });
  const line = await play.line();
  await enter(client, { [ADDRESS]: line.address });
  await ask(client, 'Good morning');
  await client.shows('You said: Good morning');
  line.cut();
  assert.match(await client.alert(), /^The connection was lost\n/);
  await client.choose('Try again');
  await button(client, 'Send').waitFor();
  const [response, ...others] = await responses(client);
  assert.equal(times(response, 'You said: Good morning'), 3, response);
  assert.deepEqual(others, []);
});

both('is used with the keyboard alone', async (play, kind) => {
  const client = await play.client(kind, { config: endless(configs[kind]) });
  const { keyboard } = client.tab;
  const focused = () => client.tab.evaluate(() => {
    const { activeElement: e } = document;
    return e.ariaLabel ?? e.textContent;
  });
  assert.equal(await focused(), 'Ask', 'the user can write at once');
  await keyboard.type('One');
  await keyboard.press('Enter');
  await client.shows('You said: One');
  await keyboard.press('Escape');
  await button(client, 'Send').waitFor();
  await keyboard.type('notes_add');
  await keyboard.press('Shift+Enter');
  await keyboard.type('buy milk');
  await keyboard.press('Enter');
  await client.shows('waits for your approval');
  for (let steps = 0; await focused() !== 'Allow'; steps += 1) {
    assert.ok(steps < 20, 'the question is out of reach');
    await keyboard.press('Shift+Tab');
  }
  await keyboard.press('Enter');
  await client.shows('"Note 1 was added."');
});

both('shows what a model has written, but fetches none of it', async (play, kind) => {
  const site = await play.site('');
  const text = '# Milk\n\nIs **white**, see `milk()`:\n\n- cold\n- warm\n\n' +
    '```js\nmilk();\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n' +
    `[a page](${site.address}/link) ![a picture](${site.address}/image) ` +
    '<b onclick="alert(1)">raw</b> [bad](javascript:alert(1))';
  const thought = { text: 'I should say it is white.', thought: true };
  const model = await play.model(() => [thought, { text }]);
  const client = await play.client(kind, { config: model.in(configs[kind]) });
  await ask(client, 'What is milk?');
  await client.shows('a picture');
  const chat = client.tab.locator('#chat');
  assert.equal(await chat.getByRole('heading', { name: 'Milk' }).count(), 1);
  const picture = chat.getByRole('link', { name: 'a picture' });
  assert.equal(await picture.getAttribute('rel'), 'noreferrer');
  assert.equal(await chat.locator('img, b, [onclick], [href^=javascript]').count(), 0);
  assert.equal(await chat.getByText('I should say').isVisible(), false, 'the reasoning is open');
  await play.look(client, `${kind}-response`);
  if (kind === 'web') await play.look(client, 'web-response', { width: 1280, height: 800 });
  assert.equal(site.requests(), 0);
});

/// What the user enters in the settings. The chat then begins anew, as the dialog goes.
async function enter(client, fields) {
  await client.tab.getByTitle('Settings').click();
  for (const [label, text] of Object.entries(fields)) await client.tab.getByLabel(label).fill(text);
  await client.choose('Save');
  await client.tab.getByRole('dialog').waitFor({ state: 'detached' });
}

const ADDRESS = 'Address of the gateway';

both('reports why it cannot chat, and goes on', async (play, kind) => {
  const client = await play.client(kind);
  const config = configs[kind];
  const moveTo = async changed =>
    enter(client, { [ADDRESS]: `http://${await play.serve(changed)}/` });

  await enter(client, { [ADDRESS]: 'http://127.0.0.1:1' });
  assert.match(await client.alert(),
    /^The gateway cannot be reached\nNothing responds at http:\/\/127\.0\.0\.1:1, or it does not/);
  await play.look(client, `${kind}-unreachable`);

  await enter(client, { [ADDRESS]: `http://${unknownName}` });
  assert.match(await client.alert(),
    /^The gateway does not accept this host name\n.*server\.hosts.*\n421 /);

  await moveTo(config.replace('limit: 100, window: 60s', 'limit: 2, window: 5s'));
  await ask(client, 'One');
  await client.shows('You said: One');
  await ask(client, 'Two');
  assert.match(await client.alert(),
    /^Too many requests\n.*\n429 Too many requests: at most 2 in 5 s.*\nTry again in [1-5] s/);
  await play.look(client, `${kind}-limited`);
  await client.choose('Try again');  // once it is enabled
  await client.shows('You said: Two');

  const closed = config.replace('window: 60s', 'window: 60s, on_store_failure: closed');
  await moveTo(`store: "redis://127.0.0.1:1"\n${closed}`);
  assert.match(await client.alert(), /^The gateway is unavailable\n.*\n503 /);
});

tests['the extension reports that it is not allowed, and asks for a token'] = async play => {
  const auth = text => configs.extension.replace(/extension-auth: .*/, `extension-auth: ${text}`);
  const client = await play.client('extension', { config: auth(`{ ids: [${'a'.repeat(32)}] }`) });
  assert.match(await client.alert(),
    /^Access denied\n.* allow chrome-extension:\/\/[a-p]{32}\.\n403 /);

  const token = 'ghk_demo';
  const sha256 = crypto.createHash('sha256').update(token).digest('hex');
  const address = await play.serve(auth(`{ tokens: [{ name: laptop, sha256: "${sha256}" }] }`));
  await enter(client, { [ADDRESS]: `http://${address}` });
  assert.match(await client.alert(), /^Authentication failed\n.*install token.*\n401 /);
  await client.tab.getByTitle('Settings').click();
  await play.look(client, 'extension-settings');
  await client.choose('Cancel');
  await enter(client, { 'Install token': token });
  await ask(client, 'Good morning');
  await client.shows('You said: Good morning');
};

both('reports that the model failed, and tries again', async (play, kind) => {
  let well = false;
  const model = await play.model(() => (well ? [{ text: 'Well again.' }] : 500));
  const client = await play.client(kind, { config: model.in(configs[kind]) });
  await ask(client, 'Good morning');
  assert.match(await client.alert(),
    /^The response ended early\nThe model or the gateway failed\./);
  well = true;
  await client.choose('Try again');
  await client.shows('Well again.');
  const questions = await client.tab.getByLabel('You', { exact: true }).count();
  assert.equal(questions, 1, 'the question stands there twice');
});

for (const sdk of [5, 6]) {
  tests[`the web page works with AI SDK ${sdk}`] = async play => {
    const first = await play.client('web', { sdk, config: slow(configs.web) });
    await ask(first, 'read_selection');
    await first.shows('The tool read_selection ');
    const client = await play.reopen(first);
    await client.shows('Resuming the response');
    await button(client, 'Send').waitFor();
    assert.equal(times((await responses(client)).join(), 'The tool read_selection returned'), 3);
    await ask(client, 'notes_add: buy milk');
    if (sdk === 5) return client.shows('You said: notes_add: buy milk');  // it is not offered
    await client.choose('Allow');
    return client.shows('"Note 1 was added."');
  };
}
