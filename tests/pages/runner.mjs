// Runs tests, each with a play of its own:  node FILE --gatehouse build/bin/gatehouse [--only TEXT]
import path from 'node:path';
import { parseArgs } from 'node:util';

const AT_ONCE = 2;  // a test waits for Chromium half of its time

const options = { gatehouse: { type: 'string' }, only: { type: 'string', default: '' } };
const { gatehouse, only } = parseArgs({ options }).values;

/// What was wrong, or nothing.
async function attempt(test, Play) {
  const play = new Play(path.resolve(gatehouse));
  try {
    await test(play);
  } catch (error) {
    await play.stop().catch(() => {});  // the first error counts
    return error;
  }
  return play.stop().catch(error => error);
}

/// One line for each test, what was wrong below a failed one, and the count.
export async function run(tests, Play) {
  const wanted = Object.keys(tests).filter(name => name.includes(only));
  const left = [...wanted];
  let failed = 0;
  const runSome = async () => {
    for (let name = left.shift(); name; name = left.shift()) {
      const wrong = await attempt(tests[name], Play);
      console.log(`${wrong ? 'FAIL' : 'ok  '} ${name}`);
      if (wrong) console.log(`     ${String(wrong.stack).replaceAll('\n', '\n     ')}`);
      failed += Boolean(wrong);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runSome));
  console.log(`${wanted.length - failed} passed, ${failed} failed`);
  process.exitCode = wanted.length && !failed ? 0 : 1;
}
