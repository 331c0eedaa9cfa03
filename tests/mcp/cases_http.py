"""Servers elsewhere."""
import http.server
import json
import threading
import time

from checks import PATIENCE, check, eventually
from play import chat, test

SESSION = 'MARKED-SESSION-7c1'


class Elsewhere:
    """An MCP server over HTTP, strict about its one session. `answer(handler, message)` may respond
    in its place, and then returns true. `lost` is the status for a session that it does not know.
    """
    def __init__(self, answer=lambda handler, message: False, lost=404):
        self.requests, self.session, self.streams, self.tools = [], None, [], ['run']
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                message = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
                outer.requests.append((message.get('method'), dict(self.headers)))
                if answer(self, message):
                    return
                if message.get('method') == 'initialize':
                    outer.session = f'{SESSION}-{len(outer.requests)}'
                elif self.headers['Mcp-Session-Id'] != outer.session:
                    return self.reply(lost if self.headers['Mcp-Session-Id'] else 400)
                results = {'initialize': {'protocolVersion': '2025-11-25',
                                          'capabilities': {'tools': {}},
                                          'serverInfo': {'name': 'e', 'version': '1'}},
                           'tools/list': {'tools': [
                               {'name': name, 'inputSchema': {'type': 'object'}}
                               for name in outer.tools]},
                           'tools/call': {'content': [{'type': 'text', 'text': 'done'}]}}
                result = results.get(message.get('method'))
                if result:
                    self.reply(200, {'jsonrpc': '2.0', 'id': message['id'], 'result': result})
                else:
                    self.reply(202)

            def do_GET(self):
                outer.requests.append(('GET', dict(self.headers)))
                self.reply(outer.streams.pop(0) if outer.streams else 405)

            def stream(self, *events):
                """Server-sent events, and the end."""
                self.send_response(200)
                self.send_header('Content-Type', 'text/event-stream')
                self.send_header('Connection', 'close')
                self.end_headers()
                for event in events:
                    self.wfile.write(event.encode() + b'\n\n')
                    self.wfile.flush()
                return True

            def do_DELETE(self):
                outer.requests.append(('DELETE', dict(self.headers)))
                self.reply(200)

            def reply(self, status, message=None, **headers):
                body = json.dumps(message).encode() if message else b''
                self.send_response(status)
                for name, value in {'Content-Type': 'application/json',
                                    'Content-Length': str(len(body)),
                                    'Mcp-Session-Id': outer.session or '',
                                    'Connection': 'close', **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None      # a client that leaves
        self.url = 'http://127.0.0.1:%d/mcp' % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def count(self, method):
        return sum(asked == method for asked, _ in self.requests)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def elsewhere(f, answer=lambda handler, message: False, **options):
    f.providers.append(Elsewhere(answer, **options))
    return f.providers[-1]


def result(message, text='done'):
    return json.dumps({'jsonrpc': '2.0', 'id': message['id'],
                       'result': {'content': [{'type': 'text', 'text': text}]}})


def answers_call(answer):
    """An answer of Elsewhere that answers calls only."""
    return lambda handler, message: (
        message.get('method') == 'tools/call' and (answer(handler, message) or True))


@test
def a_redirect_to_another_origin_is_not_followed(f):
    canary = elsewhere(f)
    server = elsewhere(f, answers_call(lambda handler, _: handler.reply(307, Location=canary.url)))
    f.begin({'name': 'far', 'url': server.url})
    check(f.ask(('far_run', {})) == ['The tool server rejects the request: HTTP 307.'],
          'another answer')
    check(not canary.requests, 'it was followed')


@test
def nothing_of_the_client_goes_to_a_server(f):
    server = elsewhere(f)
    f.begin({'name': 'far', 'url': server.url,
             'headers': {'Authorization': 'Bearer of-the-operator'}})
    f.calls = [('far_run', {})]
    host = b'Host: localhost\r\n'
    secrets = b'Authorization: Bearer MARKED-CLIENT\r\nCookie: MARKED-CLIENT\r\n'
    request = chat('far_run').replace(host, host + secrets, 1)
    check(b'done' in f.client(request).answer().body, 'no answer')
    check('MARKED-CLIENT' not in str(server.requests), 'its token does')
    check(all(headers['Authorization'] == 'Bearer of-the-operator'
              for _, headers in server.requests), server.requests)


@test
def the_session_is_kept_ended_and_told_to_nobody(f):
    server = elsewhere(f)
    f.begin({'name': 'far', 'url': server.url}, log={'level': 'debug'})
    f.ask(('far_run', {}))
    check(all(headers['Mcp-Session-Id'] == server.session for method, headers in server.requests
              if method not in ('server/discover', 'initialize')), server.requests)
    f.stop()
    check(server.requests[-1][0] == 'DELETE', [method for method, _ in server.requests])
    check(not any(SESSION in line for line in f.gateway.lines), 'it is in the log')


@test
def calls_that_find_the_session_gone_begin_one_new_session(f):
    server = elsewhere(f)
    f.begin({'name': 'far', 'url': server.url})
    f.ask(('far_run', {}))
    server.session = 'another'
    check(f.ask(*[('far_run', {})] * 8) == ['done'] * 8, 'a call failed')
    check(server.count('initialize') == 2, 'sessions:', server.count('initialize'))


@test
def a_session_that_is_lost_with_400_is_begun_anew(f):
    server = elsewhere(f, lost=400)
    f.begin({'name': 'far', 'url': server.url})
    for _ in range(2):
        check(f.ask(('far_run', {})) == ['done'], 'the call failed')
        server.session = 'another'
    check(server.count('initialize') == 2, 'sessions:', server.count('initialize'))


@test
def a_redirect_of_the_same_origin_is_followed(f):
    server = elsewhere(f, lambda handler, _: (
        not handler.path.endswith('/')
        and (handler.reply(307, Location=handler.path + '/') or True)))
    f.begin({'name': 'far', 'url': server.url})
    check(f.ask(('far_run', {})) == ['done'], 'it was not')


@test
def a_balancer_finds_the_server_of_a_session_by_its_cookie(f):
    def answer(handler, message):
        if message.get('method') in ('server/discover', 'initialize'):
            return False
        return 'NODE=1' not in (handler.headers['Cookie'] or '') and (handler.reply(404) or True)
    server = elsewhere(f, answer)
    reply = server.server.RequestHandlerClass.reply
    server.server.RequestHandlerClass.reply = lambda self, *args, **headers: (
        reply(self, *args, **headers, **{'Set-Cookie': 'NODE=1; Path=/'}))
    f.begin({'name': 'far', 'url': server.url})
    check(f.ask(('far_run', {})) == ['done'], 'it did not')


@test
def a_token_is_read_again_when_it_is_refused(f):
    token = f.write('token', 'first')
    server = elsewhere(f, lambda handler, _: (
        handler.headers['Authorization'] != 'Bearer ' + valid[0] and (handler.reply(401) or True)))
    valid = ['first']
    f.begin({'name': 'far', 'url': server.url, 'token_file': str(token)})
    check(f.ask(('far_run', {})) == ['done'], 'the first is not taken')
    valid[0] = 'second'
    check('HTTP 401' in f.ask(('far_run', {}))[0], 'it is called without')
    token.write_text('second\n')
    check(f.ask(('far_run', {})) == ['done'], 'it is not')


@test
def a_stream_is_gone_on_with_when_the_server_wants(f):
    asked = []
    server = elsewhere(f, answers_call(lambda handler, message: (
        asked.append(message) or handler.stream('id: 1\nretry: 300'))))
    server.server.RequestHandlerClass.do_GET = lambda handler: (
        handler.stream('data: ' + result(asked[-1]))
        if handler.headers['Last-Event-Id'] else handler.reply(405))
    f.begin({'name': 'far', 'url': server.url})
    f.ask(('far_run', {}))
    began = time.monotonic()
    check(f.ask(('far_run', {})) == ['done'], 'it is not')
    check(0.25 < time.monotonic() - began < 0.95, 'it took', time.monotonic() - began)


@test
def a_stream_that_is_refused_for_now_is_asked_for_again(f):
    server = elsewhere(f)
    server.streams = [503]
    f.begin({'name': 'far', 'url': server.url})
    f.ask(('far_run', {}))
    eventually(lambda: server.count('GET') == 2, PATIENCE, 'it is not')


@test
def silence_ends_a_call_whatever_keeps_its_stream_alive(f):
    def answer(handler, message):
        handler.stream()
        for n in range(40):     # 4 s
            handler.wfile.write(b': still here\n\n')
            if message['params']['arguments'].get('progress'):
                progress = {'method': 'notifications/progress',
                            'params': {
                                'progressToken': message['params']['_meta']['progressToken'],
                                'progress': n}}
                handler.wfile.write(f'data: {json.dumps(progress)}\n\n'.encode())
            time.sleep(0.1)
        handler.wfile.write(f'data: {result(message)}\n\n'.encode())
    server = elsewhere(f, answers_call(answer))
    f.begin({'name': 'far', 'url': server.url, 'call_timeout': '1s'})
    began = time.monotonic()
    check(f.ask(('far_run', {})) == ['The tool did not respond within 1000 ms.'], 'it does not')
    check(time.monotonic() - began < 2.0, 'it took', time.monotonic() - began)
    check(f.ask(('far_run', {'progress': True})) == ['done'], 'progress does')


@test
def a_wrong_setting_is_told_with_its_place(f):
    for wrong in ({'url': 'http://a/b c'},
                  {'url': 'http://a/', 'headers': {'Content-Length': '1'}},
                  {'url': 'http://a/', 'token_file': 'token'},
                  {'command': ['true'], 'cwd': 'here'}):
        status, told = f.run(f.configure('chat', {'mcp': {'servers': [{'name': 'far', **wrong}]}}))
        check(status != 0 and 'config.yaml:' in told, told)


@test
def a_server_that_is_started_again_is_used_again(f):
    server = elsewhere(f)
    f.begin({'name': 'far', 'url': server.url})
    f.ask(('far_run', {}))
    server.close()
    check('cannot be reached' in f.ask(('far_run', {}))[0], 'it answers')
    check(f.ask_if_offered('far_run', {}) is None, 'it is offered')
    f.providers.remove(server)
    again = http.server.ThreadingHTTPServer(server.server.server_address,
                                            server.server.RequestHandlerClass)
    threading.Thread(target=again.serve_forever, daemon=True).start()
    try:
        eventually(lambda: f.ask_if_offered('far_run', {}) == ['done'], PATIENCE,
                   'it does not come back')
    finally:
        again.shutdown()
        again.server_close()
