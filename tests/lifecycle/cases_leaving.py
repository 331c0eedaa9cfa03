"""A client that leaves ends what was begun for it, wherever the gateway is with it."""
import time

from checks import PATIENCE, check, eventually
from client import chat
from fixture import gemini, test
from provider import Unreachable

CLIENTS = 20
SOON = 1.0      # seconds in which the provider must notice


def leave_all(clients, how):
    for client in clients:
        client.leave(how)
    return time.monotonic() + SOON


def check_cancelled(calls, until, how):
    gone = sum(call.is_gone(until - time.monotonic()) for call in calls)
    check(gone == len(calls),
          f'{how}: {gone} of {len(calls)} connections to the provider ended within {SOON} s')


@test
def leaving_while_the_gateway_connects_ends_the_attempt(f):
    nowhere = Unreachable()
    try:
        f.start('access-log', *gemini(nowhere.address, connect_timeout='30s'))
        for how in ('FIN', 'RST'):
            clients = [f.client(chat()) for _ in range(CLIENTS)]
            for client in clients:
                client.wait_for('"type":"start"')
            eventually(lambda: nowhere.connecting() == CLIENTS, PATIENCE,
                       'the gateway does not connect')
            leave_all(clients, how)
            eventually(lambda: nowhere.connecting() == 0, SOON, f'{how}: attempts to connect go on')
        f.logged(message='✗ 200 POST /api/chat client left')
    finally:
        nowhere.close()


@test
def leaving_before_the_first_byte_cancels(f):
    provider = f.provider()
    f.start(*gemini(provider.address))
    for how in ('FIN', 'RST'):
        clients = [f.client(chat()) for _ in range(CLIENTS)]
        calls = [f.take(provider) for _ in clients]
        for client in clients:
            client.wait_for('"type":"start"')
        check_cancelled(calls, leave_all(clients, how), how)


@test
def leaving_a_running_stream_cancels(f):
    provider = f.provider()
    f.start(*gemini(provider.address))
    for how in ('FIN', 'RST'):
        clients = [f.client(chat()) for _ in range(CLIENTS)]
        calls = [f.take(provider) for _ in clients]
        for call in calls:
            call.begin()
            call.send('word')
        for client in clients:
            client.wait_for('word')
        check_cancelled(calls, leave_all(clients, how), how)
