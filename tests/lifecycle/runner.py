"""How tests are run: a line for each, what was wrong below a failed one, and the count."""
import argparse
import concurrent.futures
import resource
import traceback
from pathlib import Path

from checks import Wrong

AT_ONCE = 4     # most of a test is waiting
LOG_LINES = 5  # shown of a gateway with which something was wrong


def attempt(function, fixture):
    """What was wrong, or nothing."""
    try:
        with fixture:
            function(fixture)
    except (Wrong, RuntimeError) as wrong:
        return '\n'.join([
            str(wrong),
            *(f'log: {line[:500]}'
              for line in (fixture.gateway.lines if fixture.gateway else [])[-LOG_LINES:])
        ])
    except Exception:
        return traceback.format_exc(limit=-3)
    return None


def run(tests, fixture, description):
    """`fixture`: what makes the one of a test from the path of the program. The exit status."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('--gatehouse', required=True, help='the program')
    parser.add_argument('--only', default='', help='only tests whose name contains this')
    args = parser.parse_args()
    binary = Path(args.gatehouse).resolve()

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    names = {function: function.__name__.replace('_', ' ') for function in tests}
    wanted = [function for function in tests if args.only.replace('_', ' ') in names[function]]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        running = {
            pool.submit(attempt, function, fixture(binary)): names[function]
            for function in wanted
        }
        for done in concurrent.futures.as_completed(running):
            wrong = done.result()
            failed += bool(wrong)
            print(f'{"FAIL" if wrong else "ok  "} {running[done]}',
                  *(wrong or '').splitlines(),
                  sep='\n     ',
                  flush=True)
    print(f'{len(wanted) - failed} passed, {failed} failed')
    return 0 if wanted and not failed else 1
