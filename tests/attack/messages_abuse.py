#!/usr/bin/env python3
"""Bad requests of the Messages API: must end in a failure of its form, leak nothing, harm nothing.

    messages_abuse.py --target 127.0.0.1:PORT [--ext-id ID] [--secret KEY] [--strict] [-v]

The target serves /v1/messages to anyone, with a model that responds to every name. One line per
case, a last line 'N passed, N failed', exit code 1 if any failed.
"""
import json
import sys

from json_abuse import Canary, build
from json_checks import judge
from messages_cases import all_cases
from options import parser, target_from
from rawhttp import exchange
from runner import Tally, healthy, require_healthy


def envelope_problem(response, _method, _path):
    kind = (response.header('content-type') or '').lower()
    if not kind.startswith('application/json'):
        return f'content type {kind!r}'
    if not response.header('request-id'):
        return 'no request-id'
    if len(response.body) > 4096:
        return f'a failure of {len(response.body)} bytes reflects the request'
    try:
        value = json.loads(response.body.decode('utf-8'))
        error = value['error']
    except (ValueError, KeyError, TypeError) as problem:
        return f'no failure of the API: {problem!r}'
    if value.get('type') != 'error' or not error.get('type') or not error.get('message'):
        return f'no failure of the API: {str(value)[:200]}'
    return None


def run_one(case, target):
    request, path = build(case, target)
    result = exchange(target.host, target.port, request, max_wait=case.max_seconds, quiet=0.2)
    why = judge(case, result, target, path, request, envelope_problem)
    if why is None and case.name.startswith('messages/good') and result.statuses != [200]:
        why = f'answered {result.statuses}'
    return result, why


def main():
    target = target_from(parser(__doc__.splitlines()[0]).parse_args())
    require_healthy(target)
    tally, canary = Tally(target), Canary()
    for case in all_cases(canary.port):
        if not tally.wanted(case.name):
            continue
        expected = f'answer {"/".join(map(str, case.want))}' if case.want else 'answer a clean 2xx or a 4xx'
        hits, result = canary.hits, None
        try:
            result, why = run_one(case, target)
        except OSError as error:
            why = f'connection failed: {error}'
        if canary.hits != hits:
            why = (why + '; ' if why else '') + 'the server connected to the URL of the request'
        sick = healthy(target)
        if sick:
            why = (why + '; ' if why else '') + f'unhealthy after: {sick}'
        tally.report(case.name, expected, why, result.seconds if result else None, result.raw if result else b'')
    return tally.finish()


if __name__ == '__main__':
    sys.exit(main())
