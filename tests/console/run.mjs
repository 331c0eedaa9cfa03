#!/usr/bin/env node
// Plays the operator's page in Chromium.
import {run} from '../pages/runner.mjs';
import {tests} from './cases.mjs';
import {Operator} from './play.mjs';

await run(tests, Operator);
