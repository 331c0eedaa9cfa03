"""What the log tells an operator of each request, and the numbers beside it."""
import json

from cases_metrics import metrics
from checks import check, check_stream
from client import chat, get
from fixture import LOG_SECONDS, gemini, test
from gateway import record
from provider import HEAD, chunk, event

TRACE = '0af7651916cd43dd8448eb211c80319c'
PARENT = 'b7ad6b7169203331'


def told(f, message):
    """The first record with this message that has come since the last one that was told."""
    def fresh():
        records = map(record, f.gateway.lines[getattr(f, 'seen', 0):])
        return [r for r in records if r.get('message', '').startswith(message)]
    check(f.gateway.wait_for(fresh, LOG_SECONDS), f'no log record says {message!r}')
    found = fresh()[0]
    f.seen = len(f.gateway.lines)
    return found


def check_record(got, **wanted):
    check({key: got.get(key) for key in wanted} == wanted, f'{got} instead of {wanted}')


def refuse(call, status='503 No'):
    call.sock.sendall(
        f'HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'.encode())
    call.sock.close()


def break_off(call):
    call.begin()
    call.send('half')
    call.sock.close()


def chats(f):
    return {
        series: value
        for series, value in metrics(f)[0].items() if series.startswith('gatehouse_chats_total')
    }


@test
def the_outcome_of_a_chat_is_told_apart_from_its_status(f):
    provider = f.provider()
    f.start('access-log', 'metrics', *gemini(provider.address), server={'max_duration': '2s'})

    client = f.client(chat())
    f.take(provider).answer('Hello')
    check_stream(client.answer())
    check_record(told(f, '← 200 POST /api/chat'), status=200, outcome='ok', code=None)

    client = f.client(chat())
    refuse(f.take(provider))
    check_stream(client.answer(), '"type":"error"')
    check_record(told(f, '✗ 200 POST /api/chat'),
                 status=200,
                 outcome='failed',
                 code='upstream_unavailable')

    client = f.client(chat())
    call = f.take(provider)
    call.begin()
    call.send('first')
    client.wait_for('first')
    client.leave()
    check_record(told(f, '✗ 200 POST /api/chat client left'), outcome='left', code=None)

    client = f.client(chat())
    f.take(provider).begin()
    check_record(told(f, '✗ 200 POST /api/chat cancelled'),
                 outcome='cut', code='deadline_exceeded')

    check(
        chats(f) == {
            'gatehouse_chats_total{outcome="ok",code=""}': '1',
            'gatehouse_chats_total{outcome="failed",code="upstream_unavailable"}': '1',
            'gatehouse_chats_total{outcome="left",code=""}': '1',
            'gatehouse_chats_total{outcome="cut",code="deadline_exceeded"}': '1'
        }, chats(f))


@test
def a_deadline_that_passes_while_the_client_does_not_read_is_no_disconnect(f):
    def script(call):
        call.begin()
        call.send_until_stuck(chunk(event('x' * 1000)) * 20000)

    provider = f.provider(script)
    f.start('access-log', *gemini(provider.address), server={'max_duration': '1s'})
    f.client(chat(), rcvbuf=4096)
    check_record(told(f, '✗ 200 POST /api/chat cancelled'),
                 outcome='cut', code='deadline_exceeded')


@test
def the_end_of_a_chat_tells_where_its_time_and_its_tokens_went(f):
    provider = f.provider()
    plugins = gemini(provider.address)
    f.start('access-log', *plugins[:-1], {'retry': {'delay': '1ms'}}, plugins[-1])
    request = chat(headers=['User-Agent: test/1'])
    client = f.client(request)
    refuse(f.take(provider))
    call = f.take(provider)
    usage = {
        'promptTokenCount': 7, 'candidatesTokenCount': 3, 'thoughtsTokenCount': 2,
        'cachedContentTokenCount': 4
    }
    about = json.dumps({'modelVersion': 'm-001', 'usageMetadata': usage})
    call.sock.sendall(
        HEAD + chunk(event('Hello', finishReason='STOP') + f'data: {about}\r\n\r\n'.encode()) +
        chunk(b''))
    answer = client.answer()
    check_stream(answer)
    got = told(f, '← 200 POST /api/chat')
    check_record(got,
                 attempts=2,
                 steps=1,
                 answered_by='m-001',
                 user_agent='test/1',
                 bytes_out=len(answer.body),
                 bytes_in=len(request.partition(b'\r\n\r\n')[2]))
    check_record(got, input_tokens=7, output_tokens=5, reasoning_tokens=2, cached_input_tokens=4)
    check(0 < got['upstream_ms'] <= got['ms'] and got['ttfb_ms'] <= got['ttft_ms'] <= got['ms'],
          got)
    check(
        list(got['self_ms']) == ['access-log', 'extension-auth', 'chat', 'retry', 'gemini'],
        got['self_ms'])


@test
def what_the_server_refuses_itself_is_logged(f):
    f.start('access-log', 'health', server={'max_running': 1})
    f.client(get().replace(b'Host: localhost', b'Host: other.example')).answer()
    check_record(told(f, '✗ 421 GET /health'), level='info', status=421, outcome='failed',
                 code='misdirected_request', host='other.example')
    f.client(b'BREW /pot HTTP/1.1\r\nHost: localhost\r\n\r\n').answer()
    check_record(told(f, '✗ 501 BREW /pot'), level='warn', code='method_not_implemented')
    f.client(b'nonsense\r\n\r\n').answer()
    check_record(told(f, '✗ 400'), level='info', outcome='failed')


@test
def a_request_goes_on_with_the_trace_of_its_caller(f):
    provider = f.provider()
    f.start('access-log', *gemini(provider.address))
    client = f.client(
        chat(headers=[f'traceparent: 00-{TRACE}-{PARENT}-01', 'tracestate: vendor=1']))
    call = f.take(provider)
    call.answer('Hello')
    check_stream(client.answer())
    got = told(f, '← 200 POST /api/chat')
    check_record(got, trace_id=TRACE, parent_id=PARENT)
    lines = call.head.decode().split('\r\n')
    check(
        f'traceparent: 00-{TRACE}-{got["span_id"]}-01' in lines and 'tracestate: vendor=1' in lines,
        lines)


@test
def a_request_without_a_trace_begins_one(f):
    provider = f.provider()
    f.start('access-log', *gemini(provider.address))
    client = f.client(chat())
    call = f.take(provider)
    call.answer('Hello')
    check_stream(client.answer())
    got = told(f, '← 200 POST /api/chat')
    check(
        f'traceparent: 00-{got["trace_id"]}-{got["span_id"]}-00'
        in call.head.decode().split('\r\n'), call.head)


@test
def the_client_behind_a_trusted_proxy_is_logged_and_counted(f):
    f.start('access-log', {'throttler': {'limit': 1, 'window': '1h'}}, 'health',
            server={'trusted_proxies': ['127.0.0.0/8']})

    def status(header):
        return f.client(get().replace(b'\r\n\r\n',
                                      f'\r\n{header}\r\n\r\n'.encode())).answer().status
    check(status('X-Forwarded-For: 198.51.100.7:4711') == 200, 'the first is refused')
    check_record(told(f, '← 200 GET /health'), peer='127.0.0.1', client='198.51.100.7')
    check(
        status('X-Forwarded-For: 192.0.2.9, 198.51.100.7:4712') == 429,
        'a claim or another port is another client')
    check(status('Forwarded: for="[2001:db8::1]:4711"') == 200, 'another client is refused')
    check(status('Forwarded: for="[2001:db8::2]"') == 429, 'a client of IPv6 has many addresses')


@test
def a_request_that_asks_is_told_how_long_each_plugin_took_down_to_the_provider(f):
    provider = f.provider()
    f.start('metrics', *gemini(provider.address))
    client = f.client(chat(headers=['X-Server-Timing: 1']))
    f.take(provider).answer('Hello')
    answer = client.answer()
    check_stream(answer)
    check(answer.header('Trailer') == 'Server-Timing', answer.headers)
    trailer = client.data.rpartition(b'\r\n0\r\n')[2].decode()
    check(
        trailer.startswith('Server-Timing: metrics;dur=') and trailer.endswith('\r\n\r\n'), trailer)
    check(', gemini;dur=' in trailer, trailer)
    client = f.client(chat())
    f.take(provider).answer('Hello')
    check_stream(client.answer())
    check(
        client.data.endswith(b'\r\n0\r\n\r\n') and b'Timing' not in client.data,
        'told though nobody asked')
