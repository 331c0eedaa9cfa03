#!/usr/bin/env python3
"""Guessed, malformed and oversized API keys: each gets 401 or 4xx, and no key is ever revealed.

    key_abuse.py --gatehouse build/bin/gatehouse [--only TEXT]

Starts a gateway of its own, whose log and metrics are searched afterwards. One line per case, last
line 'N passed, N failed', exit code 1 if any failed.
"""
import argparse
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / 'exchanges'))
from gateway import Gateway  # noqa: E402
from rawhttp import exchange  # noqa: E402

KEY = 'sk-gh-' + hashlib.sha256(b'of the attack kit').hexdigest()
HASH = hashlib.sha256(KEY.encode()).hexdigest()
MESSAGES = [{'role': 'user', 'content': 'Hi'}]
ROUTES = {
    '/v1/chat/completions': {'model': 'm', 'messages': MESSAGES},
    '/v1/messages': {'model': 'm', 'max_tokens': 100, 'messages': MESSAGES},
    '/v1/responses': {'model': 'm', 'input': 'Hi'},
}
CONFIG = {
    'server': {'listen': '127.0.0.1:0'},
    'log': {'level': 'debug'},
    'pipeline': [
        'access-log', 'metrics',
        {'keys': {'keys': [{'name': 'kit', 'sha256': HASH}]}}, 'completions', 'messages',
        'responses', {'simulator': {'word_delay': '0ms', 'intended': True}}
    ]
}


def bearer(key):
    return b'Authorization: Bearer ' + key


def api_key(key):
    return b'x-api-key: ' + key


def cases():
    """Name, header lines, and the status that the response must have."""
    good = KEY.encode()
    yield 'good/bearer', [bearer(good)], 200
    yield 'good/x-api-key', [api_key(good)], 200
    yield 'good/bearer-counts', [bearer(good), api_key(b'wrong')], 200
    yield 'both/bearer-counts', [bearer(b'wrong'), api_key(good)], 401
    for length in (0, 1, 5, 6, 7, 38, len(good) - 1):
        yield f'guess/first-{length}', [bearer(good[:length] + b'0' * (len(good) - length))], 401
        yield f'guess/cut-at-{length}', [bearer(good[:length])], 401
    yield 'guess/last-character', [bearer(good[:-1] + b'g')], 401
    yield 'guess/longer', [bearer(good + b'0')], 401
    yield 'guess/upper-case', [bearer(good.upper())], 401
    yield 'guess/twice', [bearer(good + good)], 401
    yield 'guess/hash', [bearer(HASH.encode())], 401
    yield 'guess/name', [bearer(b'kit')], 401
    yield 'guess/wildcard', [bearer(b'*')], 401
    yield 'scheme/none', [b'Authorization: ' + good], 401
    yield 'scheme/basic', [b'Authorization: Basic ' + good], 401
    yield 'scheme/two-spaces', [b'Authorization: Bearer  ' + good], 401
    yield 'scheme/tab', [b'Authorization: Bearer\t' + good], 401
    yield 'scheme/quoted', [bearer(b'"' + good + b'"')], 401
    yield 'scheme/list', [bearer(good + b', Bearer ' + good)], 401
    yield 'twice/authorization', [bearer(good), bearer(good)], 401
    yield 'twice/authorization-one-wrong', [bearer(b'wrong'), bearer(good)], 401
    yield 'twice/x-api-key', [api_key(good), api_key(good)], 401
    yield 'name/underscore', [b'x_api_key: ' + good], 401
    yield 'name/space', [b'x-api-key : ' + good], 400
    yield 'bytes/nul', [bearer(good + b'\0')], 400
    yield 'bytes/nul-inside', [api_key(good[:9] + b'\0' + good[9:])], 400
    yield 'bytes/non-ascii', [bearer('schlüssel'.encode())], 401
    yield 'bytes/latin-1', [api_key(b'\xff\xfe' + good)], 401
    yield 'bytes/control', [bearer(good + b'\x7f')], 400
    yield 'size/1024', [bearer(b'a' * 1024)], 401
    yield 'size/16-KiB', [bearer(good + b'a' * 16384)], 401
    yield 'size/64-KiB', [bearer(b'a' * 65536)], 431


def request(path, headers, address):
    body = json.dumps(ROUTES[path]).encode()
    lines = [b'POST %s HTTP/1.1' % path.encode(), b'Host: ' + address.encode(),
             b'Content-Type: application/json', b'Content-Length: %d' % len(body),
             b'Connection: close', *headers]
    return b'\r\n'.join(lines) + b'\r\n\r\n' + body


def revealed(text, sent):
    """The key, its hash, or a guess in it."""
    guesses = [line.split(b' ')[-1] for line in sent]
    wanted = [KEY.encode(), HASH.encode(), *(g for g in guesses if len(g) > 8)]
    return next((one[:20] for one in wanted if one[:64] in text), None)


def judge(result, status, sent):
    """What is wrong, or nothing."""
    if result.statuses != [status]:
        return f'{result.statuses} instead of {status}'
    if status == 401 and result.final.header('www-authenticate') != 'Bearer':
        return 'no WWW-Authenticate'
    if status == 401 and result.final.header('x-should-retry') != 'false':
        return 'the client may repeat it'
    if status != 200 and 'error' not in json.loads(result.final.body or '{}'):
        return f'not in the form of the API: {result.final.body[:200]}'
    if what := revealed(result.raw, sent):
        return f'the response has {what}'
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--gatehouse', required=True, help='the program')
    parser.add_argument('--only', default='', help='only cases whose name contains this')
    args = parser.parse_args()
    binary = Path(args.gatehouse).resolve()
    passed = failed = 0
    all_sent = []

    def report(name, wrong):
        nonlocal passed, failed
        passed, failed = passed + (not wrong), failed + bool(wrong)
        print(f'{"FAIL" if wrong else "ok  "} {name}' + (f' -- {wrong}' if wrong else ''))

    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, 'config.yaml')
        config.write_text(json.dumps(CONFIG))
        gateway = Gateway(str(binary), str(config), folder, os.environ)
        host, port = gateway.address.rsplit(':', 1)
        for name, headers, status in cases():
            if args.only not in name:
                continue
            all_sent += headers
            for path in ROUTES:
                sent = request(path, headers, gateway.address)
                result = exchange(host, int(port), sent)
                report(f'{name} {path}', judge(result, status, headers))
        get = f'GET /metrics HTTP/1.1\r\nHost: {gateway.address}\r\nConnection: close\r\n\r\n'
        metrics = exchange(host, int(port), get.encode()).raw
        gateway.signal('TERM')
        report('end/exit-status', gateway.exit_status() and 'not 0')
        log = '\n'.join(gateway.lines).encode()
        report('end/log', b'unknown' not in log and 'it is empty' or revealed(log, all_sent))
        report('end/metrics', b'reason="unknown"' not in metrics and 'there are none' or
               revealed(metrics, all_sent))
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
