"""Runs cases one after another, checks health after each, prints one line per case and the total."""
import sys
import time
from dataclasses import dataclass, field

from leaks import find_leak
from rawhttp import exchange


@dataclass
class Case:
    group: str
    name: str
    payload: object             # bytes, or a list of bytes and pauses
    expect: object              # expect.Expect
    options: dict = field(default_factory=dict)     # for rawhttp.exchange


class Tally:
    def __init__(self, target):
        self.target, self.passed, self.failed = target, 0, []

    def wanted(self, name):
        skip = self.target.skip
        return self.target.only in name and not (skip and name.startswith(skip))

    def report(self, name, expected, why, seconds=None, detail=b''):
        if why is None:
            self.passed += 1
        else:
            self.failed.append(name)
        took = '' if seconds is None else f' [{seconds:.2f} s]'
        print(f'{"ok  " if why is None else "FAIL"} {name}: must {expected}{took}' + ('' if why is None else f' -- {why}'), flush=True)
        if why is not None and self.target.verbose and detail:
            print('     ' + repr(detail[:600]))

    def finish(self):
        print(f'{self.passed} passed, {len(self.failed)} failed')
        return 1 if self.failed else 0


def healthy(target, within=2.0):
    """None if a good request on a new connection is answered 200 in time, else the reason."""
    start = time.monotonic()
    try:
        r = exchange(target.host, target.port, target.get(('Connection', 'close')), max_wait=within,
                     enough=lambda rs: bool(rs) and rs[-1].complete)
    except OSError as error:
        return f'connect: {error}'
    if r.statuses != [200]:
        return f'health answered {r.statuses or "nothing"}'
    return None if time.monotonic() - start <= within else 'health was slow'


def require_healthy(target):
    why = healthy(target, 5.0)
    if why:
        sys.exit(f'no healthy server at {target.authority}{target.health}: {why}')


def run_cases(target, cases, tally):
    for case in cases:
        name = f'{case.group}/{case.name}'
        if not tally.wanted(name):
            continue
        options = {'max_wait': target.max_wait, 'quiet': case.expect.quiet, **case.options}
        payload = case.payload() if callable(case.payload) else case.payload
        sent = payload if isinstance(payload, bytes) else b''.join(p for p in payload if isinstance(p, bytes))
        try:
            r = exchange(target.host, target.port, payload, **options)
            why, seconds, raw = case.expect.check(r, target.strict), r.seconds, r.raw
            if why is None:
                leak = find_leak(raw, target.secrets, sent)
                why = f'leaks {leak}' if leak else None
        except OSError as error:
            why, seconds, raw = f'connection failed: {error}', None, b''
        sick = healthy(target)
        if sick:
            why = (why + '; ' if why else '') + f'unhealthy after: {sick}'
        tally.report(name, case.expect.text, why, seconds, raw)
