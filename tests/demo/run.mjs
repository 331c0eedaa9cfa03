#!/usr/bin/env node
// Plays the clients of etc/demo in Chromium.
import { run } from '../pages/runner.mjs';
import { tests } from './cases.mjs';
import { Demo } from './demo.mjs';

await run(tests, Demo);
