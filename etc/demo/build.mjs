// Builds the extension and the web page into dist/. With --serve it also serves the page, at
// http://localhost:5173 or another PORT, until it is interrupted.
import fs from 'node:fs';
import { context } from 'esbuild';

/// Copies what needs no bundler, and bundles the rest.
async function build(client, entry) {
  const outdir = `dist/${client}`;
  fs.mkdirSync(outdir, { recursive: true });
  for (const name of fs.readdirSync(client).filter(name => /[.](html|js|json|png)$/.test(name))) {
    fs.copyFileSync(`${client}/${name}`, `${outdir}/${name}`);
  }
  const bundler = await context({
    entryPoints: [`${client}/${entry}`],
    outdir,
    bundle: true,
    minify: true,
    jsx: 'automatic',
    target: 'chrome123',
    logOverride: { 'import-is-undefined': 'silent' },  // chat/sdk.js uses what only some have
  });
  await bundler.rebuild();
  return bundler;
}

const extension = await build('extension', 'panel.jsx');
const web = await build('web', 'page.jsx');
await extension.dispose();
if (process.argv.includes('--serve')) {
  const wanted = Number(process.env.PORT ?? 5173);
  const { port } = await web.serve({ servedir: 'dist/web', host: 'localhost', port: wanted });
  console.log(`The page is at http://localhost:${port}/`);
} else {
  await web.dispose();
}
