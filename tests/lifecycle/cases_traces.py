"""Traces, as an OpenTelemetry collector gets them."""
import socket
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / 'mcp'))
import play  # noqa: E402
from cases_metrics import metrics
from checks import check, check_stream, eventually
from client import chat, get
from collector import CLIENT, INTERNAL, SERVER, Collector
from fixture import gemini, simulator, test

TRACE, PARENT = '4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'


def collected(f, *statuses):
    f.providers.append(Collector(statuses))     # closed at the end of the test as those are
    return f.providers[-1]


def traced(collector, **settings):
    return {'traces': {'endpoint': collector.address, **settings}}


def traceparent(flags='01'):
    return [f'traceparent: 00-{TRACE}-{PARENT}-{flags}']


def header(call, name):
    lines = call.head.decode().lower().split('\r\n')
    return next(
        (line.partition(':')[2].strip() for line in lines if line.startswith(name + ':')), None)


def by_name(spans):
    found = {span.name: span for span in spans}
    check(len(found) == len(spans), 'names come twice:', [span.name for span in spans])
    return found


def exported(f, result):
    return float(metrics(f)[0][f'gatehouse_trace_spans_total{{result="{result}"}}'])


@test
def a_chat_has_a_span_for_the_request_and_one_for_the_model(f):
    collector, provider = collected(f), f.provider()
    f.start(traced(collector), *gemini(provider.address))
    client = f.client(chat(headers=traceparent()))
    call = f.take(provider)
    call.answer('Hello')
    check_stream(client.answer())
    f.stop()
    spans = by_name(collector.wait_for(2))
    request, model = spans['POST /api/chat'], spans['chat gemini-3.8-flash']
    check((request.trace, request.parent, request.kind) == (TRACE, PARENT, SERVER), vars(request))
    check(model.kind == CLIENT and model.is_inside(request), vars(model), vars(request))
    check(header(call, 'traceparent') == f'00-{TRACE}-{model.id}-01', call.head)
    check(not request.failed and request.attributes['http.response.status_code'] == '200',
          vars(request))
    wanted = {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'gcp.gemini',
        'gen_ai.request.model': 'gemini-3.8-flash',
        'gen_ai.response.finish_reasons': {'values': [{'stringValue': 'stop'}]}
    }
    got = {key: model.attributes.get(key) for key in wanted}
    check(got == wanted, got)


@test
def no_span_has_content_of_a_chat(f):
    collector = collected(f)
    f.start(traced(collector), *simulator())
    check_stream(f.client(chat('The codeword is marzipan.')).answer())
    f.stop()
    told = str([vars(span) for span in collector.wait_for(2)])
    check('marzipan' not in told, told)


@test
def each_attempt_of_a_retry_has_a_span(f):
    collector, calls = collected(f), []

    def script(call):
        calls.append(call)
        if len(calls) > 1:
            return call.answer('Hello')
        call.sock.sendall(b'HTTP/1.1 503 Busy\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}')

    provider = f.provider(script)
    f.start(traced(collector), 'extension-auth', 'chat', {'retry': {'delay': '1ms'}},
            *gemini(provider.address)[2:])
    check_stream(f.client(chat()).answer())
    f.stop()
    spans = sorted(collector.wait_for(3), key=lambda span: span.began)
    request, failed, good = spans
    check(failed.is_inside(request) and good.is_inside(request), [vars(span) for span in spans])
    check(failed.failed and failed.attributes['error.type'] and not good.failed,
          [vars(span) for span in spans])
    for call, span in zip(calls, [failed, good]):
        check(header(call, 'traceparent').split('-')[2] == span.id, call.head, span.id)


@test
def a_tool_that_the_gateway_runs_has_a_span(f):
    collector = collected(f)
    provider = f.provider(play.model(('local_echo', {'text': 'x'})))
    f.start(traced(collector), 'extension-auth', 'chat', {'mcp': {'servers': [play.local()]}},
            *gemini(provider.address)[2:])
    check_stream(f.client(play.chat('local_echo')).answer())
    f.stop()
    spans = collector.wait_for(4)
    [request] = [span for span in spans if span.kind == SERVER]
    [tool] = [span for span in spans if span.name == 'execute_tool local_echo']
    check(tool.kind == INTERNAL and tool.attributes['gen_ai.tool.name'] == 'local_echo', vars(tool))
    check(all(span.is_inside(request) for span in spans if span is not request),
          [vars(span) for span in spans])


@test
def the_sender_of_a_request_decides_whether_it_is_recorded(f):
    collector, provider = collected(f), f.provider()
    f.start(traced(collector, ratio=0), *gemini(provider.address))
    for flags in ('00', '01'):
        client = f.client(chat(headers=traceparent(flags)))
        call = f.take(provider)
        call.answer('Hello')
        check_stream(client.answer())
        sent = header(call, 'traceparent')
        check(sent.startswith(f'00-{TRACE}-') and sent.endswith(flags), sent)
    f.client(get('/unknown')).answer()
    f.stop()
    check({span.trace for span in collector.wait_for(2)} == {TRACE}, 'of another trace')


@test
def the_log_names_the_trace(f):
    collector = collected(f)
    f.start('access-log', traced(collector), *simulator())
    f.client(chat(headers=traceparent())).answer()
    f.logged(message='POST /api/chat', trace_id=TRACE, parent_id=PARENT)
    f.stop()
    check(all(span.trace == TRACE for span in collector.wait_for(2)), 'of another trace')


@test
def a_collector_that_is_busy_gets_the_spans_later(f):
    collector = collected(f, (429, 0), 503)
    f.start(traced(collector, headers={'Authorization': 'Bearer secret'}), *simulator())
    check_stream(f.client(chat()).answer())
    spans = collector.wait_for(2)   # sent 5 s after the chat, and twice more
    check(collector.requests == 3, collector.requests)
    check({headers.get('Authorization') for headers in collector.headers} == {'Bearer secret'},
          collector.headers)
    check(spans[0].trace == spans[1].trace, 'the spans are of two traces')
    f.stop()
    check('secret' not in '\n'.join(f.gateway.lines), 'the log has the header')


@test
def a_collector_that_is_down_costs_no_request_and_little_memory(f):
    with socket.create_server(('127.0.0.1', 0)) as sock:
        port = sock.getsockname()[1]    # closed from here on
    f.start({'traces': {'endpoint': f'http://127.0.0.1:{port}'}}, 'metrics')
    request = get('/unknown')

    def flood(count):
        client = f.client()
        for _ in range(count // 100):
            client.send(request * 100)
            client.wait(lambda: client.data.count(b'HTTP/1.1 404') == 100, 'waiting for responses')
            client.data = b''

    flood(9000)
    first = f.peak_mb()
    flood(9000)
    check(exported(f, 'dropped') > 9000, 'dropped', exported(f, 'dropped'))
    check(f.is_sanitized() or f.peak_mb() < first + 4, first, f.peak_mb())
    f.logged(message='the trace collector cannot be reached', level='warn')
    f.stop()


@test
def a_collector_that_does_not_respond_holds_up_neither_requests_nor_the_shutdown(f):
    collector = collected(f)
    collector.open.clear()
    f.start(traced(collector), 'metrics', *simulator())
    for _ in range(600):    # more than a batch: it is sent at once
        f.client(get('/unknown')).answer()
    check_stream(f.client(chat()).answer(2.0))
    f.stop()
    check(f.gateway.exit_status() == 0, 'not stopped')


@test
def a_reload_sends_what_the_old_instance_has(f):
    collector = collected(f)
    f.start(traced(collector), *simulator())
    check_stream(f.client(chat()).answer())
    f.gateway.signal('HUP')
    collector.wait_for(2)
    f.stop()
