#!/usr/bin/env python3
"""The gateway and MCP servers: those that misbehave, and real ones.

    run.py --gatehouse build/bin/gatehouse [--only NAME]

One line per test, what was wrong below a failed one, last line 'N passed, N failed', exit code 1 if any failed.
"""
import argparse
import concurrent.futures
import sys
import traceback
from pathlib import Path

from play import TESTS, Play
from checks import Wrong
import cases_processes  # noqa: F401
import cases_calls  # noqa: F401
import cases_http  # noqa: F401
import cases_real  # noqa: F401
import cases_load  # noqa: F401

AT_ONCE = 4     # most of a test is waiting
LOG_LINES = 5   # shown of a gateway with which something was wrong


def attempt(function, binary):
    """What was wrong, or nothing."""
    play = Play(binary)
    try:
        with play:
            function(play)
    except (Wrong, RuntimeError) as wrong:
        return '\n'.join([str(wrong), *(f'log: {line[:500]}' for line in (play.gateway.lines if play.gateway else [])[-LOG_LINES:])])
    except Exception:
        return traceback.format_exc(limit=-3)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--gatehouse', required=True, help='the program')
    parser.add_argument('--only', default='', help='only tests whose name contains this')
    args = parser.parse_args()
    binary = Path(args.gatehouse).resolve()

    names = {function: function.__name__.replace('_', ' ') for function in TESTS}
    wanted = [function for function in TESTS if args.only.replace('_', ' ') in names[function]]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        running = {pool.submit(attempt, function, binary): names[function] for function in wanted}
        for done in concurrent.futures.as_completed(running):
            wrong = done.result()
            failed += bool(wrong)
            print(f'{"FAIL" if wrong else "ok  "} {running[done]}', *(wrong or '').splitlines(), sep='\n     ', flush=True)
    print(f'{len(wanted) - failed} passed, {failed} failed')
    return 0 if wanted and not failed else 1


if __name__ == '__main__':
    sys.exit(main())
