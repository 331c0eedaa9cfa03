#!/usr/bin/env node
// Plays random scenarios against the reference and a target side by side: both must ask Gemini alike and answer alike.
//   node fuzz.mjs --target http://127.0.0.1:3000 --spawn CMD [--seed 1] [--count 200] [--client 5|6|7]
//   A scenario is that of one seed: `--seed N --count 1` plays it again.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from './lib/http.mjs';
import { startEnvironment, runScenario } from './lib/harness.mjs';
import { diff } from './lib/compare.mjs';
import { acceptFreeChoices } from './lib/free-choices.mjs';
import { withReference } from './lib/reference/launch.mjs';
import { withSpawnedTarget } from './lib/spawn-target.mjs';
import { randomScenario } from './lib/random-scenario.mjs';

const args = parseArgs(process.argv.slice(2));
const here = path.dirname(fileURLToPath(import.meta.url));
const first = Number(args.seed ?? 1);
const count = Number(args.count ?? 200);
const env = await startEnvironment({ mockPort: 0, mcpPort: 0 });

async function differences(reference, target, seed) {
  const scenario = randomScenario(seed);
  try {
    const { value: expected } = await runScenario(env, reference, scenario);
    const { value } = await runScenario(env, target, scenario);
    acceptFreeChoices(expected, value, scenario);
    return diff(expected, value);
  } catch (error) {
    return [`run failed: ${error.message}`];
  }
}

let failed = 0;
await withReference(here, env, {}, reference => withSpawnedTarget(here, env, { command: args.spawn, target: args.target, profile: 'default' }, async target => {
  for (let seed = first; seed < first + count; seed++) {
    const found = await differences(reference, target, seed);
    if (!found.length) continue;
    failed++;
    console.log(`FAIL random ${seed}`);
    for (const line of found) console.log(`     ${line}`);
  }
}));
await env.close();
console.log(`${count - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
