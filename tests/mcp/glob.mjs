// Loaded before the conformance suite, which imports fs.globSync: Node 20 does not have it, and no
// test of a client needs it.
import { register } from 'node:module';

const hooks = `export async function load(url, context, next) {
  const loaded = await next(url, context);
  if (!url.endsWith('/conformance/dist/index.js')) return loaded;
  return { ...loaded, source: String(loaded.source).replace(/globSync as [$\\w]+,/, '') };
}`;
register('data:text/javascript,' + encodeURIComponent(hooks));
