"""A model with two targets: which one responds, and how often each is called."""
import threading

from checks import check, check_envelope, check_stream, eventually
from client import chat
from fixture import test
from provider import event, chunk


def start(f, first, second, attempts=1, **breaker):
    """Providers at two addresses; the name `smart` leads to the first, then to the second."""
    def gemini(name, address):
        settings = {'api_key': f'key-{name}', 'base_url': f'http://{address}',
                    'connect_timeout': '500ms', 'first_byte_timeout': '500ms',
                    'probe_interval': '1h'}
        return {'gemini': settings, 'as': name}
    f.start('extension-auth', 'access-log', {'chat': {'models': ['*'], 'default_model': 'smart'}},
            {'retry': {'attempts': attempts, 'delay': '10ms', 'jitter': 0}},
            {'models': {'names': {'smart': ['one/gemini-3.8-flash', 'two/gemini-4-hydrogen']},
                        'breaker': breaker}},
            gemini('one', first), gemini('two', second))


class Count:
    """A provider's script that counts its calls, and gives each to `script`."""
    def __init__(self, script):
        self.script, self.calls, self.lock = script, 0, threading.Lock()

    def __call__(self, call):
        with self.lock:
            self.calls += 1
        self.script(call)


def words(call):
    call.answer('word')


def refuse(status, *headers):
    lines = [f'HTTP/1.1 {status} No', *headers, 'Content-Length: 2', 'Connection: close', '', '{}']

    def script(call):
        call.sock.sendall('\r\n'.join(lines).encode())
        call.sock.close()
    return script


def check_falls_back(f, script, chats=1):
    """The first target is called once for each chat, the second as often, and the client sees
    nothing of it."""
    first, second = Count(script), Count(words)
    start(f, f.provider(first).address, f.provider(second).address)
    for _ in range(chats):
        check_stream(f.client(chat()).answer())
    check((first.calls, second.calls) == (chats, chats), 'calls:', first.calls, second.calls)


@test
def a_target_that_refuses_connections_costs_the_client_nothing(f):
    second = Count(words)
    start(f, '127.0.0.1:1', f.provider(second).address)
    check_stream(f.client(chat()).answer())
    check(second.calls == 1, second.calls, 'calls')
    f.logged(message='falling back to the next target of the model', code='upstream_unreachable')
    f.logged(outcome='ok', target='two/gemini-4-hydrogen', model='smart')


@test
def a_target_that_is_killed_costs_the_client_nothing(f):
    check_falls_back(f, lambda call: call.sock.close())


@test
def a_frozen_target_is_left_after_its_time(f):
    check_falls_back(f, lambda call: None)


@test
def a_rate_limit_without_a_hint_goes_to_the_next_target(f):
    check_falls_back(f, refuse(429), chats=2)


@test
def a_rate_limited_target_rests_as_long_as_it_asks(f):
    first, second = Count(refuse(429, 'Retry-After: 60')), Count(words)
    start(f, f.provider(first).address, f.provider(second).address)
    for _ in range(3):
        check_stream(f.client(chat()).answer())
    check((first.calls, second.calls) == (1, 3), 'calls:', first.calls, second.calls)


@test
def a_server_error_goes_to_the_next_target(f):
    check_falls_back(f, refuse(503))


@test
def a_rejected_key_goes_to_the_next_target(f):
    check_falls_back(f, refuse(401))


@test
def a_model_that_is_gone_goes_to_the_next_target(f):
    check_falls_back(f, refuse(404))


@test
def half_a_stream_is_no_reason_to_fall_back(f):
    def half(call):
        call.begin()
        call.send('half')
        call.sock.close()
    first, second = Count(half), Count(words)
    start(f, f.provider(first).address, f.provider(second).address)
    check_stream(f.client(chat()).answer(), last='"type":"error"')
    check((first.calls, second.calls) == (1, 0), 'calls:', first.calls, second.calls)


@test
def an_empty_response_goes_to_the_next_target(f):
    def blank(call):
        call.begin()
        call.sock.sendall(chunk(event('', finishReason='STOP')) + chunk(b''))
    check_falls_back(f, blank)


@test
def an_open_circuit_is_not_called_and_closes_when_the_target_is_back(f):
    is_sick = True

    def moody(call):
        (refuse(503) if is_sick else words)(call)
    first, second = Count(moody), Count(words)
    start(f, f.provider(first).address, f.provider(second).address, failures=2, cooldown='400ms')
    for _ in range(2):
        check_stream(f.client(chat()).answer())
    f.logged(message='degraded', plugin='models', reason='one/gemini-3.8-flash')
    for _ in range(2):
        check_stream(f.client(chat()).answer())
    check(second.calls == 4 and first.calls <= 3, 'calls:', first.calls, second.calls)
    is_sick = False
    before = second.calls

    def is_back():
        check_stream(f.client(chat()).answer())
        return second.calls == before or first.calls > 3
    eventually(is_back, 5, 'the first target is not called again')
    f.logged(message='healthy again', plugin='models')


@test
def when_all_targets_fail_each_is_called_once_an_attempt(f):
    first, second = Count(refuse(503)), Count(refuse(429))
    start(f, f.provider(first).address, f.provider(second).address, attempts=3)
    answer = f.client(chat()).answer()
    check_stream(answer, last='"type":"error"') if answer.status == 200 else check_envelope(
        answer, 429)
    check((first.calls, second.calls) == (3, 3), 'calls:', first.calls, second.calls)


@test
def a_request_that_the_model_cannot_serve_is_tried_once(f):
    first, second = Count(refuse(400)), Count(words)
    start(f, f.provider(first).address, f.provider(second).address)
    f.client(chat()).answer()
    # Gemini's own 400 is the gateway's 502, so another provider may serve the chat.
    check((first.calls, second.calls) == (1, 1), 'calls:', first.calls, second.calls)


@test
def tokens_of_both_targets_are_counted(f):
    def counted_words(call):
        call.begin()
        data = (b'data: {"candidates":[{"content":{"role":"model","parts":[{"text":"x"}]},'
                b'"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":7,'
                b'"candidatesTokenCount":3,"totalTokenCount":10}}\r\n\r\n')
        call.sock.sendall(chunk(data) + chunk(b''))
    start(f, f.provider(counted_words).address, '127.0.0.1:1')
    check_stream(f.client(chat()).answer())
    f.logged(outcome='ok', target='one/gemini-3.8-flash', input_tokens=7, output_tokens=3)
