#!/usr/bin/env python3
"""The gateway and MCP servers: those that misbehave, and real ones.

    run.py --gatehouse build/bin/gatehouse [--only NAME]

One line per test, details below a failed one, last line 'N passed, N failed', exit code 1 if any
failed.
"""
import sys

from play import TESTS, Play
from runner import run
import cases_processes  # noqa: F401
import cases_calls  # noqa: F401
import cases_callers  # noqa: F401
import cases_results  # noqa: F401
import cases_approval  # noqa: F401
import cases_http  # noqa: F401
import cases_real  # noqa: F401
import cases_revisions  # noqa: F401
import cases_load  # noqa: F401

if __name__ == '__main__':
    sys.exit(run(TESTS, Play, __doc__.splitlines()[0]))
