// The clients of etc/demo, built as their README says, in Chromium.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { root } from '../pages/clients.mjs';
import { Play } from '../pages/play.mjs';
import { look } from '../pages/look.mjs';
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
    const places = { [unknownName]: await this.serve(config) };
    const built = await clientOf(kind, sdk);
    if (kind === 'web') {
      await this.browse({ ...places, 'localhost:5173': built });
      return this.openChat('http://localhost:5173/');
    }
    const address = await this.browseWith(built, places);
    return this.openChat(address('panel.html'));
  }

  /// A model that responds as a test wants.
  model(respond) {
    return this.started(startModel(respond));
  }

  /// A site with one page.
  site(html) {
    return this.started(startSite(html));
  }

  /// A line to the gateway that can be cut.
  line() {
    return this.started(startLine(this.address));
  }

  async started(starting) {
    const helper = await starting;
    this.helpers.push(helper);
    return helper;
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
}

const clients = new Map();

/// Each client is built once in a run. Resolves to the folder of the extension, or to where the
/// page is served.
function clientOf(kind, sdk) {
  const key = `${kind} ${sdk}`;
  const start = kind === 'web' ? servePage : buildExtension;
  if (!clients.has(key)) clients.set(key, start(copyFor(sdk)));
  return clients.get(key);
}

/// The demo with the packages of one generation: those of its own lock file, or older ones.
function copyFor(sdk) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'demo-'));
  process.on('exit', () => fs.rmSync(folder, { recursive: true }));
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

/// As `npm run build` does.
async function buildExtension(folder) {
  const [status] = await once(build(folder), 'exit');
  if (status !== 0) throw new Error('npm run build fails');
  return path.join(folder, 'dist/extension');
}

/// As `npm run web` does, until the run ends.
async function servePage(folder) {
  const server = build(folder, '--serve');
  process.on('exit', () => server.kill());
  server.unref();
  for await (const piece of server.stdout) {
    const port = String(piece).match(/http:\/\/localhost:(\d+)/)?.[1];
    if (port) return `127.0.0.1:${port}`;
  }
  throw new Error('npm run web fails');
}

function build(folder, ...options) {
  const env = { ...process.env, PORT: '0' };
  const stdio = ['ignore', 'pipe', 'inherit'];
  return spawn(process.execPath, ['build.mjs', ...options], { cwd: folder, env, stdio });
}
