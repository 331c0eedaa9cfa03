#!/usr/bin/env python3
"""Bad requests of a model's API: must end in a failure of its form, leak nothing, harm nothing.

    api_abuse.py messages --target 127.0.0.1:PORT [--secret KEY] [--strict] [-v]
    api_abuse.py completions|responses --target 127.0.0.1:PORT …

The target serves /v1/messages, /v1/chat/completions or /v1/responses to anyone, with a model that
responds to every name. One line per case, a last line 'N passed, N failed', exit code 1 if any failed.
"""
import json
import sys

import completions_cases
import messages_cases
import responses_cases
from json_abuse import Canary, build
from json_checks import judge
from options import parser, target_from
from rawhttp import exchange
from runner import Tally, healthy, require_healthy


def failure_of(response):
    """The failure of a response, and what is wrong with it."""
    kind = (response.header('content-type') or '').lower()
    if not kind.startswith('application/json'):
        return {}, f'content type {kind!r}'
    if len(response.body) > 4096:
        return {}, f'a failure of {len(response.body)} bytes reflects the request'
    try:
        value = json.loads(response.body.decode('utf-8'))
        if value['error']['type'] and value['error']['message']:
            return value, None
    except (ValueError, KeyError, TypeError):
        pass
    return {}, f'no failure of the API: {response.body[:200]}'


def messages_problem(response, _method, _path):
    value, problem = failure_of(response)
    if problem is None and value.get('type') != 'error':
        problem = f'no failure of the API: {str(value)[:200]}'
    return problem if response.header('request-id') else 'no request-id'


def openai_problem(response, _method, _path):
    value, problem = failure_of(response)
    if problem is None and set(value['error']) != {'message', 'type', 'param', 'code'}:
        problem = f'no failure of the API: {str(value)[:200]}'
    return problem


APIS = {
    'completions': (completions_cases.all_cases, openai_problem),
    'messages': (messages_cases.all_cases, messages_problem),
    'responses': (responses_cases.all_cases, openai_problem),
}


def run_one(case, target, problem):
    request, path = build(case, target)
    result = exchange(target.host, target.port, request, max_wait=case.max_seconds, quiet=0.2)
    why = judge(case, result, target, path, request, problem)
    if why is None and '/good' in case.name and result.statuses != [200]:
        why = f'answered {result.statuses}'
    return result, why


def main():
    options = parser(__doc__.splitlines()[0])
    options.add_argument('api', choices=APIS)
    args = options.parse_args()
    target, (all_cases, problem) = target_from(args), APIS[args.api]
    require_healthy(target)
    tally, canary = Tally(target), Canary()
    for case in all_cases(canary.port):
        if not tally.wanted(case.name):
            continue
        expected = f'answer {"/".join(map(str, case.want))}' if case.want else 'answer a clean 2xx or a 4xx'
        hits, result = canary.hits, None
        try:
            result, why = run_one(case, target, problem)
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
