// What the clients of docs/first-hour.md do in a browser.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { defaultConfig, files, root } from './clients.mjs';

const toolServer = path.join(root, 'tests/mcp/server.py');
const pageConfig = files['page/gatehouse.yaml'];

export const tests = {};

for (const sdk of [5, 6, 7]) {
  tests[`a page with AI SDK ${sdk} shows answers as they come`] = async play => {
    const page = await play.page({ sdk });
    await page.ask('Good morning');
    await page.shows('You said: Good morning I can only repeat what I hear and call the tools you name.');
    assert.ok((await page.seen()) > 5, 'the answer appeared at once');
    await page.ask('Good night');
    await page.shows('You said: Good night');
  };

  tests[`an extension with AI SDK ${sdk} runs its tool`] = async play => {
    const panel = await play.extension({ sdk });
    const other = await play.browser.newPage();
    await other.goto('data:text/html,<title>The weather</title>');
    await panel.ask('read_tab');
    await panel.shows('The tool read_tab returned: {"title":"The weather","url":"data:text/html');
  };
}

tests['a page shows what the throttler says'] = async play => {
  const page = await play.page({ config: pageConfig.replace('limit: 100', 'limit: 1') });
  await page.ask('One');
  await page.shows('You said: One');
  await page.ask('Two');
  assert.match(await page.alert(), /"statusCode":429.*Too many requests: at most 1 in 60 s/);
};

tests['a page shows that the model failed'] = async play => {
  const config = pageConfig.replace(/ {2}- gemini.*/s, '  - gemini: { api_key: none, base_url: "http://127.0.0.1:1" }\n');
  const page = await play.page({ config });
  await page.ask('Good morning');
  assert.equal(await page.alert(), 'An error occurred during the conversation');
};

tests['a page of another origin is refused'] = async play => {
  const page = await play.page({ elsewhere: true });
  await page.ask('Good morning');
  assert.match(await page.alert(), /Failed to fetch/);
  await play.logged(entry => entry.code === 'origin_not_allowed');
};

tests['a page of a public site needs the leave of its user'] = async play => {
  const page = await play.page({ isPublic: true });
  await page.ask('One');
  assert.match(await page.alert(), /Failed to fetch/);
  await play.browser.grantPermissions(['local-network-access']);
  await page.ask('Two');
  await page.shows('You said: Two');
};

tests['a page that is closed ends its answer'] = async play => {
  const page = await play.page({ config: pageConfig.replace('simulator: {}', 'simulator: { repeat: 1000 }') });
  await page.ask('Good morning');
  await page.shows('You said: Good morning');
  await page.tab.close();
  await play.logged(entry => entry.message.includes('client left'));
};

tests['an extension opens beside the page'] = async play => {
  const panel = await play.extension();
  await play.clickIcon(panel.tab.url());
};

tests['an extension is told what a tool of the gateway returned'] = async play => {
  const server = { name: 'desk', command: ['python3', toolServer], location: 'backend' };
  const config = defaultConfig.replace('servers: []', `servers: [${JSON.stringify(server)}]`);
  const panel = await play.extension({ config });
  await panel.ask('desk_echo');
  await panel.shows('The tool desk_echo returned:');
};

tests['an extension shows why it is refused'] = async play => {
  const config = `pipeline: [cors, extension-auth: { ids: [${'a'.repeat(32)}] }, chat, simulator]`;
  const panel = await play.extension({ config });
  await panel.ask('Good morning');
  assert.match(await panel.alert(), /"statusCode":403.*This extension may not use the gateway/);
};

for (const sdk of [6, 7]) {
  tests[`a page with AI SDK ${sdk} asks its user before a tool runs`] = async play => {
    const journal = path.join(play.folder, 'journal');
    const calls = () => fs.readFileSync(journal, 'utf8').split('"tools/call"').length - 1;
    const command = ['python3', toolServer, '--journal', journal];
    const server = { name: 'desk', command, location: 'backend', approval: ['echo'] };
    const config = pageConfig.replace('  - gemini', `  - mcp: { servers: [${JSON.stringify(server)}] }\n  - gemini`);
    fs.copyFileSync(path.join(root, 'tests/pages/approval.jsx'), path.join(play.folder, 'page/chat.jsx'));
    const page = await play.page({ config, sdk });

    await page.ask('desk_echo');
    await page.shows('Run desk_echo with {}?');
    assert.equal(calls(), 0);
    await page.choose('Yes');
    await page.shows('The tool desk_echo returned:');
    assert.equal(calls(), 1);

    await page.ask('desk_echo');
    await page.choose('No');
    await page.shows('The tool desk_echo failed:');
    assert.equal(calls(), 1);
  };
}
