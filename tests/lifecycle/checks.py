"""How a test says what is wrong."""
import json
import time

PATIENCE = 10.0     # seconds for what has no promised time: a machine may be busy


class Wrong(Exception):
    """The gateway did something else than it promises."""


def check(good, *what):
    if not good:
        raise Wrong(' '.join(map(str, what)))


def eventually(condition, seconds, *what):
    began = time.monotonic()
    while not condition():
        check(time.monotonic() - began < seconds, *what, f'within {seconds} s')
        time.sleep(0.01)


def check_envelope(answer, status):
    """An error as every error before a stream is told."""
    check(answer.status == status, f'{answer.status} instead of {status}: {answer.body[:300]}')
    try:
        error = json.loads(answer.body)
    except ValueError:
        error = {}
    good = list(error) == ['statusCode', 'timestamp', 'path', 'method', 'message'
                           ] and error['statusCode'] == status
    check(good, f'the body is {answer.body[:300]}')


def check_stream(answer, last='"type":"finish"'):
    """An event stream that ended as it must, `last` being in its last event."""
    check(answer.status == 200, f'{answer.status}: {answer.body[:300]}')
    events = answer.body.decode().split('\n\n')
    check(
        len(events) > 2 and events[-2:] == ['data: [DONE]', ''] and last in events[-3],
        'the stream ends with', events[-4:])
