// The clients of etc/demo, built as their README says, in Chromium.
import fs from 'node:fs';
import path from 'node:path';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { root } from '../pages/clients.mjs';
import { Play } from '../pages/play.mjs';
import { look } from './look.mjs';
import { startLine, startModel, startSite } from './servers.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const demo = path.join(root, 'etc/demo');
const olderModules = path.join(here, '../pages/node_modules');
const read = file => fs.readFileSync(path.join(demo, file), 'utf8')
  .replace('../workflows.yaml', path.join(demo, 'workflows.yaml'));

export const configs = {
  extension: read('extension/gatehouse.yaml'),
  web: read('web/gatehouse.yaml'),
};

/// A name of the gateway that it does not know.
export const unknownName = 'gateway.example';

export class Demo extends Play {
  /// The client `kind`, 'extension' or 'web', of a gateway with this configuration. The side panel
  /// is opened in a tab, where it can be driven.
  async client(kind, { config = configs[kind], sdk = 7 } = {}) {
    const folder = this.copyFor(sdk);
    const places = { [unknownName]: await this.serve(config) };
    if (kind === 'web') {
      await this.browse({ ...places, 'localhost:5173': await this.servePage(folder) });
      return this.openChat('http://localhost:5173/');
    }
    const [status] = await once(node(folder), 'exit');
    if (status !== 0) throw new Error('npm run build fails');
    this.extensionPage = await this.browseWith(path.join(folder, 'dist/extension'), places);
    return this.openChat(this.extensionPage('panel.html'));
  }

  /// A model that responds as a test wants.
  async model(respond) {
    const model = await startModel(respond);
    this.helpers.push(model);
    return model;
  }

  /// A site with one page.
  async site(html) {
    const site = await startSite(html);
    this.helpers.push(site);
    return site;
  }

  /// A line to the gateway that can be cut.
  async line() {
    const line = await startLine(this.address);
    this.helpers.push(line);
    return line;
  }

  /// Closes the panel or the page, and opens it again.
  async reopen(client) {
    const url = client.tab.url();
    await client.tab.close();
    return this.openChat(url);
  }

  openChat(url) {
    return this.open(url, '#chat');
  }

  /// Checks how a client looks, and keeps screenshots beside what was built.
  look(client, name, size) {
    return look(client.tab, path.resolve(this.gatehouse, '../../demo'), name, size);
  }

  /// The demo with the packages of one generation: those of its own lock file, or older ones.
  copyFor(sdk) {
    const folder = path.join(this.folder, 'demo');
    const isSource = name => !['node_modules', 'dist'].includes(path.basename(name));
    fs.cpSync(demo, folder, { recursive: true, filter: isSource });
    const modules = path.join(folder, 'node_modules');
    if (sdk === 7) {
      fs.symlinkSync(path.join(demo, 'node_modules'), modules);
      return folder;
    }
    fs.mkdirSync(path.join(modules, '@ai-sdk'), { recursive: true });
    const link = (from, to) =>
      fs.symlinkSync(path.join(olderModules, from), path.join(modules, to));
    for (const name of ['esbuild', 'markdown-to-jsx', 'react', 'react-dom']) link(name, name);
    link(`react-${sdk}`, '@ai-sdk/react');
    link(`react-${sdk}/node_modules/ai`, 'ai');
    return folder;
  }

  /// As `npm run web` does. Resolves to the address.
  async servePage(folder) {
    const server = node(folder, { PORT: '0' }, '--serve');
    this.helpers.push({ stop: () => server.kill() });
    for await (const piece of server.stdout) {
      const port = String(piece).match(/http:\/\/localhost:(\d+)/)?.[1];
      if (port) return `127.0.0.1:${port}`;
    }
    throw new Error('the page is not served');
  }
}

/// `npm run build`, or with --serve `npm run web`.
function node(folder, env, ...options) {
  return spawn(process.execPath, ['build.mjs', ...options],
    { cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
}
