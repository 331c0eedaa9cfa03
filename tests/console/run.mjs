#!/usr/bin/env node
// Plays the operator's page in Chromium:
//
//   node run.mjs --gatehouse build/bin/gatehouse [--only TEXT]
import path from 'node:path';
import {parseArgs} from 'node:util';
import {Play} from './play.mjs';
import {tests} from './cases.mjs';

const options = {
  gatehouse: {type: 'string'},
  only: {type: 'string', default: ''}
};
const {gatehouse, only} = parseArgs({options}).values;

/// What was wrong, or nothing.
async function attempt(test) {
  const play = new Play(path.resolve(gatehouse));
  try {
    await test(play);
  } catch (error) {
    await play.stop().catch(() => {});  // the first error counts
    return error;
  }
  return play.stop().catch(error => error);
}

const wanted = Object.keys(tests).filter(name => name.includes(only));
let failed = 0;
for (const name of wanted) {
  const wrong = await attempt(tests[name]);
  console.log(wrong ? `FAIL ${name}\n     ${String(wrong.stack).replaceAll('\n', '\n     ')}` :
                      `ok   ${name}`);
  failed += Boolean(wrong);
}
console.log(`${wanted.length - failed} passed, ${failed} failed`);
process.exitCode = wanted.length && !failed ? 0 : 1;
