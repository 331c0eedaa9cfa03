#!/usr/bin/env node
// Plays the clients of docs/first-hour.md in Chromium.
import { tests } from './cases.mjs';
import { Guide } from './guide.mjs';
import { run } from './runner.mjs';

await run(tests, Guide);
