#!/usr/bin/env python3
"""What is installed: the tree of `cmake --install`, the packages, the unit, the container.

    run.py --build build [--only NAME]

One line per test, what was wrong below a failed one, last line 'N passed, N failed', exit code 1
if any failed.
"""
import argparse
import sys
import time
import traceback
from pathlib import Path

from fixture import TESTS, Wrong
import cases_tree  # noqa: F401
import cases_help  # noqa: F401
import cases_packages  # noqa: F401
import cases_container  # noqa: F401


def attempt(function, build):
    """What was wrong, or nothing."""
    try:
        function(build)
    except Wrong as wrong:
        return str(wrong)
    except Exception:
        return traceback.format_exc(limit=-3)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', type=Path, default='build', help='where everything was built')
    parser.add_argument('--only', default='', help='only tests whose name contains this')
    arguments = parser.parse_args()
    wanted = [test for test in TESTS if arguments.only.replace(' ', '_') in test.__name__]
    failed = 0
    for test in wanted:
        began = time.monotonic()
        wrong = attempt(test, arguments.build.resolve())
        failed += bool(wrong)
        name = f'{test.__name__.replace("_", " ")} ({time.monotonic() - began:.1f} s)'
        print(f'{"FAIL" if wrong else "ok  "} {name}', *(wrong or '').splitlines(), sep='\n     ',
              flush=True)
    print(f'{len(wanted) - failed} passed, {failed} failed')
    return 0 if wanted and not failed else 1


if __name__ == '__main__':
    sys.exit(main())
