// The page and the extension of docs/first-hour.md, made as its reader makes them.
import fs from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
export const root = path.resolve(here, '../..');
const guide = fs.readFileSync(path.join(root, 'docs/first-hour.md'), 'utf8');
const section = heading => guide.match(new RegExp(`^## ${heading}\\n.*?(?=^## )`, 'ms'))[0];
const aboutPage = section('A page with useChat'), aboutExtension = section('A browser extension');

/// The files that the two sections show, by the names that stand above them.
const blocks = (aboutPage + aboutExtension).matchAll(/^`([^`]+)`\n```\w+\n(.*?)^```$/gms);
export const files = Object.fromEntries([...blocks].map(([, name, text]) => [name, text]));

/// The configuration that the extension meets.
export const defaultConfig = fs.readFileSync(path.join(root, 'etc/gatehouse.yaml'), 'utf8');

const commandsIn = text => [...text.matchAll(/^ {4}((?:cp|npx) (?:.*\\\n)*.*)$/gm)]
  .map(([, line]) => line).join(' && ');

// `npm install` brings the newest; package.json has the older ones beside it.
const olderSdk = sdk => (sdk === 7 ? '' : ` --alias:ai=ai-${sdk} --alias:@ai-sdk/react=react-${sdk}`);

/// Writes these files; what `npm install` adds is there already.
export function writeFiles(folder) {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.join(folder, path.dirname(name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  fs.symlinkSync(path.join(here, 'node_modules'), path.join(folder, 'node_modules'));
}

/// Runs the commands of one client, on any port.
function run(text, folder, sdk) {
  const line = commandsIn(text).replace('--serve=localhost:5173', '--serve=localhost:0') + olderSdk(sdk);
  return spawn('sh', ['-c', line], { cwd: folder, stdio: ['pipe', 'inherit', 'pipe'] });
}

/// Serves the page until `stop` is called, at `address`.
export async function servePage(folder, sdk) {
  const server = run(aboutPage, folder, sdk);
  const address = await said(server, /http:\/\/(127\.0\.0\.1:\d+)/);
  return { address, stop: () => server.stdin.end() };  // esbuild serves until its input ends
}

/// The folder of the extension, ready to be loaded.
export async function makeExtension(folder, sdk) {
  await said(run(aboutExtension, folder, sdk), /Done/);
  return path.join(folder, 'extension');
}

/// What `child` says that matches; rejects if it ends before.
function said(child, pattern) {
  let text = '';
  return new Promise((resolve, reject) => {
    child.stderr.on('data', piece => {
      text += piece;
      const match = text.match(pattern);
      if (match) resolve(match[1]);
    });
    child.on('close', () => reject(new Error(text)));
  });
}
