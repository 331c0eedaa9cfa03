"""Bodies that are announced, unread, or follow each other on one connection."""
import contextlib
import json
import time
from pathlib import Path

from checks import check, check_envelope, check_stream
from client import body, chat, get, head
from fixture import simulator, test

CONTINUE = b'HTTP/1.1 100 '


@test
def a_refused_client_is_not_asked_for_its_body(f):
    f.start(*simulator())
    client = f.client(head(1000, extension=None, expect=True))
    answer = client.answer()
    check_envelope(answer, 401)
    check(answer.header('Connection') == 'close', 'not told that the connection closes')
    check(client.wait_end() == 'closed', 'the connection was reset')
    check(CONTINUE not in client.data, 'the client was asked for its body')


@test
def a_client_that_is_let_in_is_asked_for_its_body(f):
    f.start(*simulator())
    text = body('Hi')
    client = f.client(head(len(text), expect=True))
    client.wait_for(CONTINUE.decode())
    check(not client.answers(), 'answered before the body came')
    client.send(text)
    check_stream(client.answer())
    check(client.data.count(b'HTTP/1.1 ') == 2, f'more than 100 and 200: {client.data}')


@test
def a_body_that_is_too_large_is_refused_before_it_is_sent(f):
    f.start(*simulator(), server={'max_body': '1KiB'})
    client = f.client(head(1025, expect=True))
    check_envelope(client.answer(), 413)
    check(client.wait_end() == 'closed', 'the connection was reset')
    check(CONTINUE not in client.data, 'the client was asked for its body')


@test
def a_host_is_an_address_this_machine_or_a_name_that_is_known(f):
    f.start('health', server={'hosts': ['ai.example', 'gateway:8080']})

    def status(host):
        return f.client(f'GET /livez HTTP/1.1\r\nHost: {host}\r\n\r\n'.encode()).answer().status

    for host in ('127.0.0.1', '10.244.1.17:3000', '[::1]', '[fd00::17]:3000', 'LocalHost:1',
                 'app.localhost', 'AI.example', 'ai.example:443', 'gateway:8080'):
        check(status(host) == 200, host, 'is refused')
    for host in ('evil.example', 'localhost.example', 'notlocalhost', '.localhost', 'a.ai.example',
                 'gateway', 'gateway:80', '10.1.2.3.example', '2130706433', '0x7f.1', '[localhost]',
                 '[10.1.2.3]'):
        check(status(host) == 421, host, 'is served')


@test
def a_body_may_take_its_time_for_each_mebibyte(f):
    f.start(*simulator(), server={'body_timeout': '1s'})
    half = b'x' * (1 << 19)
    text = body('@' + ' ' * 5).replace(b'     ', half * 7)
    client = f.client(head(len(text)))
    for at in range(0, len(text), len(half)):
        client.send(text[at:at + len(half)])
        time.sleep(0.3)     # 1 MiB in 0.6 s, all in 2.4 s
    check_stream(client.answer())


@test
def a_body_that_trickles_is_given_up(f):
    f.start(*simulator(), server={'body_timeout': '1s'})
    client = f.client(head(1 << 20))
    with contextlib.suppress(OSError):
        for _ in range(100):
            client.send(b' ')
            time.sleep(0.1)
            if client.receive(0.001):
                break
    check_envelope(client.answer(), 408)


@test
def a_refusal_is_utf8_whatever_the_request_line_holds(f):
    f.start('health')
    for target in (b'/caf\xe9', b'/' + 'é'.encode() * 2000, b'/\xf0\x9f'):
        answer = f.client(b'GET ' + target + b' HTTP/1.1\r\nHost: localhost\r\n\r\n').answer()
        check_envelope(answer, 400)
        check(json.loads(answer.body.decode())['path'].startswith('/'), answer.body[:100])


@test
def two_requests_with_bodies_in_one_piece_are_answered_in_order(f):
    f.start(*simulator())
    client = f.client(chat('first question') + chat('second question'))
    for question, other in ((b'first', b'second'), (b'second', b'first')):
        answer = client.answer()
        check_stream(answer)
        check(question in answer.body and other not in answer.body,
              f'the answer to the {question.decode()} is', answer.body)


@test
def a_refusal_with_a_small_unread_body_keeps_the_connection(f):
    f.start('health', *simulator())
    client = f.client()
    for _ in range(20):
        client.send(head(60_000, extension=None) + b' ' * 60_000)
        check_envelope(client.answer(), 401)
        client.send(get())
        check(client.answer().status == 200, 'the connection answers no more')


@test
def a_refusal_with_a_large_unread_body_arrives_whole(f):
    """As browsers do, the client sends all before it reads."""
    f.start(*simulator(), server={'max_body': '32MiB'})
    for _ in range(5):
        client = f.client(head(10_000_000, extension=None))
        client.send(b' ' * 10_000_000)
        answer = client.answer()
        check_envelope(answer, 401)
        check(answer.header('Connection') == 'close', 'not told that the connection closes')
        check(client.wait_end() == 'closed', 'the connection was reset')


@test
def a_status_without_a_name_has_no_reason(f):
    file = Path(f.binary).parent.parent / 'lib/probes/probe.so'
    f.start({'probe': {'do': 'answer', 'status': 529}, 'as': 'busy', 'path': str(file)})
    client = f.client(get('/any'))
    client.wait_for('\r\n\r\n')
    check(client.data.startswith(b'HTTP/1.1 529 \r\n'), client.data[:60])


@test
def failures_below_a_path_are_written_by_the_plugin_that_has_claimed_them(f):
    file = Path(f.binary).parent.parent / 'lib/probes/probe.so'
    f.start('health', {'probe': {'failures': {'/v1/*': ''}}, 'as': 'writer', 'path': str(file)},
            server={'max_body': '1KiB', 'hosts': ['ai.example']})

    def response(request):
        found = f.client(request.encode()).answer()
        return found.status, found.header('X-Written-By'), found.body

    at_v1 = 'POST /v1/chat HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n'
    check(response(at_v1.format('ai.example', 0)) == (404, 'writer', b'writer: not_found'),
          'unclaimed path')
    check(response(at_v1.format('evil.example', 0)) ==
          (421, 'writer', b'writer: misdirected_request'), 'refused by the server')
    status, writer, content = response('GET /v2 HTTP/1.1\r\nHost: ai.example\r\n\r\n')
    check((status, writer) == (404, None) and b'statusCode' in content, 'another path', content)
