"""An OpenTelemetry collector: it takes OTLP over HTTP in JSON, and checks each request strictly
against the protocol (opentelemetry-proto, its JSON form, and the semantic conventions)."""
import http.server
import json
import re
import threading

from checks import PATIENCE, check, eventually

NANOSECONDS = re.compile(r'[1-9][0-9]{18}')     # of this century
INTEGER = re.compile(r'-?(0|[1-9][0-9]*)')
REQUIRED = {'traceId', 'spanId', 'name', 'kind', 'startTimeUnixNano', 'endTimeUnixNano'}
KNOWN = REQUIRED | {'parentSpanId', 'attributes', 'status'}
SERVER, CLIENT, INTERNAL = 2, 3, 1


def members(value, required, known, what):
    check(isinstance(value, dict), what, 'is no object:', value)
    check(required <= value.keys() <= known, what, 'has the members', sorted(value))
    return value


def check_any_value(value):
    check(isinstance(value, dict) and len(value) == 1, 'a value has one type:', value)
    [(kind, content)] = value.items()
    if kind == 'arrayValue':
        for each in members(content, {'values'}, {'values'}, 'arrayValue')['values']:
            check_any_value(each)
        return
    good = {
        'stringValue': lambda: isinstance(content, str),
        'intValue': lambda: isinstance(content, str) and INTEGER.fullmatch(content),
        'doubleValue': lambda: isinstance(content, (int, float)) and not isinstance(content, bool),
        'boolValue': lambda: isinstance(content, bool)
    }
    check(kind in good and good[kind](), 'not a value of OTLP:', value)


def attributes(listed):
    check(isinstance(listed, list), 'attributes are no list:', listed)
    for attribute in listed:
        members(attribute, {'key', 'value'}, {'key', 'value'}, 'an attribute')
        check(isinstance(attribute['key'], str) and attribute['key'], 'a key is', attribute['key'])
        check_any_value(attribute['value'])
    named = {attribute['key']: attribute['value'] for attribute in listed}
    check(len(named) == len(listed), 'a key comes twice:', listed)
    return {key: next(iter(value.values())) for key, value in named.items()}


def check_id(text, digits):
    check(isinstance(text, str) and re.fullmatch(f'[0-9a-f]{{{digits}}}', text) and text.strip('0'),
          'not an id:', text)


class Span:
    def __init__(self, span):
        members(span, REQUIRED, KNOWN, 'a span')
        self.trace, self.id, self.parent = (
            span['traceId'], span['spanId'], span.get('parentSpanId'))
        check_id(self.trace, 32)
        check_id(self.id, 16)
        if self.parent is not None:
            check_id(self.parent, 16)
        self.name, self.kind = span['name'], span['kind']
        check(isinstance(self.name, str) and self.name, 'a name is', self.name)
        check(self.kind in (INTERNAL, SERVER, CLIENT), 'a kind is', self.kind)
        for time in (span['startTimeUnixNano'], span['endTimeUnixNano']):
            check(isinstance(time, str) and NANOSECONDS.fullmatch(time), 'a time is', time)
        self.began, self.ended = int(span['startTimeUnixNano']), int(span['endTimeUnixNano'])
        check(self.began <= self.ended, 'a span ends before it begins:', span)
        self.attributes = attributes(span.get('attributes', []))
        status = members(span.get('status', {}), set(), {'code', 'message'}, 'a status')
        check(status.get('code', 0) in (0, 1, 2), 'a status is', status)
        self.failed = status.get('code') == 2

    def is_inside(self, parent):
        return (self.trace, self.parent) == (parent.trace, parent.id) and (
            parent.began <= self.began and self.ended <= parent.ended)


def spans_of(body):
    found = []
    for resource in members(json.loads(body), {'resourceSpans'}, {'resourceSpans'},
                            'a request')['resourceSpans']:
        members(resource, {'resource', 'scopeSpans'}, {'resource', 'scopeSpans'}, 'resourceSpans')
        named = attributes(resource['resource']['attributes'])
        check(named.get('service.name'), 'the resource has no service.name')
        for scope in resource['scopeSpans']:
            members(scope, {'scope', 'spans'}, {'scope', 'spans'}, 'scopeSpans')
            check(scope['scope'].get('name'), 'the scope has no name')
            found += [Span(span) for span in scope['spans']]
    check(found, 'a request without spans')
    return found


class Collector:
    """`statuses`: of the responses to the first requests; later ones get 200. Such a response may
    be a pair, with Retry-After in seconds."""
    def __init__(self, statuses=()):
        self.statuses, self.spans, self.wrong = list(statuses), [], []
        self.requests, self.headers, self.open = 0, [], threading.Event()
        self.open.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                outer.open.wait(PATIENCE)
                status, retry_after = outer._take(self, body)
                self.send_response(status)
                if retry_after is not None:
                    self.send_header('Retry-After', str(retry_after))
                self.send_header('Content-Length', '2')
                self.end_headers()
                self.wfile.write(b'{}')

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.handle_error = lambda *_: None  # the gateway has closed the connection
        self.address = 'http://127.0.0.1:%d' % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _take(self, request, body):
        self.requests += 1
        self.headers.append(dict(request.headers))
        if self.statuses:
            given = self.statuses.pop(0)
            return given if isinstance(given, tuple) else (given, None)
        try:
            check(request.path == '/v1/traces', 'the path is', request.path)
            check(request.headers['Content-Type'] == 'application/json', 'of another type')
            self.spans += spans_of(body)
        except Exception as wrong:  # noqa: BLE001  the test reports it
            self.wrong.append(f'{wrong}: {body[:2000]}')
        return 200, None

    def wait_for(self, count):
        """The spans, once there are so many."""
        eventually(lambda: self.wrong or len(self.spans) >= count, PATIENCE,
                   f'{count} spans have not arrived, only',
                   *(span.name for span in self.spans[:20]))
        check(not self.wrong, *self.wrong)
        check(len(self.spans) == count, [span.name for span in self.spans], 'instead of', count)
        return self.spans

    def close(self):
        self.open.set()
        self.server.shutdown()
        self.server.server_close()
