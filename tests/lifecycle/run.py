#!/usr/bin/env python3
"""The life of the real program: who leaves, what is late, which signals come, what runs out.

    run.py --gatehouse build/bin/gatehouse [--only NAME]

One line per test, what was wrong below a failed one, last line 'N passed, N failed', exit code 1
if any failed.
"""
import sys

from fixture import TESTS, Fixture
from runner import run
import cases_streams  # noqa: F401  first: it has the longest
import cases_signals  # noqa: F401
import cases_leaving  # noqa: F401
import cases_resume  # noqa: F401
import cases_limits  # noqa: F401
import cases_requests  # noqa: F401
import cases_start  # noqa: F401
import cases_admin  # noqa: F401
import cases_commands  # noqa: F401
import cases_reload  # noqa: F401
import cases_listen  # noqa: F401
import cases_tls  # noqa: F401
import cases_proxy_protocol  # noqa: F401
import cases_upstream  # noqa: F401
import cases_manager  # noqa: F401
import cases_plugins  # noqa: F401
import cases_code  # noqa: F401
import cases_metrics  # noqa: F401
import cases_log  # noqa: F401
import cases_keys  # noqa: F401
import cases_models  # noqa: F401
import cases_budget  # noqa: F401
import cases_hostile  # noqa: F401
import cases_traces  # noqa: F401
import cases_reliability  # noqa: F401

if __name__ == '__main__':
    sys.exit(run(TESTS, Fixture, __doc__.splitlines()[0]))
