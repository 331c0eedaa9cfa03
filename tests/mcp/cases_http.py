"""Servers elsewhere."""
import http.server
import json
import threading

from checks import PATIENCE, check, eventually
from play import chat, test

SESSION = 'MARKED-SESSION-7c1'


class Elsewhere:
    """An MCP server over HTTP, strict about its one session. `answer(handler, message)` may answer in its place, and then returns
    true."""
    def __init__(self, answer=lambda handler, message: False):
        self.requests, self.session = [], None
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
                    return self.reply(404 if self.headers['Mcp-Session-Id'] else 400)
                results = {'initialize': {'protocolVersion': '2025-11-25', 'capabilities': {'tools': {}}, 'serverInfo': {'name': 'e', 'version': '1'}},
                           'tools/list': {'tools': [{'name': 'run', 'inputSchema': {'type': 'object'}}]},
                           'tools/call': {'content': [{'type': 'text', 'text': 'done'}]}}
                result = results.get(message.get('method'))
                self.reply(200 if result else 202, {'jsonrpc': '2.0', 'id': message['id'], 'result': result} if result else None)

            def do_GET(self):
                outer.requests.append(('GET', dict(self.headers)))
                self.reply(405)

            def do_DELETE(self):
                outer.requests.append(('DELETE', dict(self.headers)))
                self.reply(200)

            def reply(self, status, message=None, **headers):
                body = json.dumps(message).encode() if message else b''
                self.send_response(status)
                for name, value in {'Content-Type': 'application/json', 'Content-Length': str(len(body)), 'Mcp-Session-Id': outer.session or '',
                                    'Connection': 'close', **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.url = 'http://127.0.0.1:%d/mcp' % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def count(self, method):
        return sum(asked == method for asked, _ in self.requests)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def elsewhere(f, answer=lambda handler, message: False):
    f.providers.append(Elsewhere(answer))
    return f.providers[-1]


@test
def a_redirect_is_not_followed(f):
    canary = elsewhere(f)
    server = elsewhere(f, lambda handler, message: message.get('method') == 'tools/call' and (handler.reply(307, Location=canary.url) or True))
    f.begin({'name': 'far', 'url': server.url})
    check(f.ask(('far_run', {})) == ['The tool server refuses the request: HTTP 307.'], 'another answer')
    check(not canary.requests, 'it was followed')


@test
def nothing_of_the_client_goes_to_a_server(f):
    server = elsewhere(f)
    f.begin({'name': 'far', 'url': server.url, 'headers': {'Authorization': 'Bearer of-the-operator'}})
    f.calls = [('far_run', {})]
    request = chat('far_run').replace(b'Host: localhost\r\n', b'Host: localhost\r\nAuthorization: Bearer MARKED-CLIENT\r\nCookie: MARKED-CLIENT\r\n', 1)
    check(b'done' in f.client(request).answer().body, 'no answer')
    check('MARKED-CLIENT' not in str(server.requests), 'its token does')
    check(all(headers['Authorization'] == 'Bearer of-the-operator' for _, headers in server.requests), server.requests)


@test
def the_session_is_kept_ended_and_told_to_nobody(f):
    server = elsewhere(f)
    f.begin({'name': 'far', 'url': server.url}, log={'level': 'debug'})
    f.ask(('far_run', {}))
    check(all(headers['Mcp-Session-Id'] == server.session for method, headers in server.requests if method != 'initialize'), server.requests)
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
def a_server_that_is_started_again_is_used_again(f):
    server = elsewhere(f)
    f.begin({'name': 'far', 'url': server.url})
    f.ask(('far_run', {}))
    server.close()
    check('cannot be reached' in f.ask(('far_run', {}))[0], 'it answers')
    check(f.ask_if_offered('far_run', {}) is None, 'it is offered')
    f.providers.remove(server)
    again = http.server.ThreadingHTTPServer(server.server.server_address, server.server.RequestHandlerClass)
    threading.Thread(target=again.serve_forever, daemon=True).start()
    try:
        eventually(lambda: f.ask_if_offered('far_run', {}) == ['done'], PATIENCE, 'it does not come back')
    finally:
        again.shutdown()
        again.server_close()
