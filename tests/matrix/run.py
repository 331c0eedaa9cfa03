#!/usr/bin/env python3
"""Every API of the gateway with every provider: the same conversations in all of them.

    run.py --gatehouse build/bin/gatehouse [--only 'completions gemini image']

One line per test, what was wrong below a failed one, last line 'N passed, N failed', exit code 1
if any failed.
"""
import json
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parent / 'lifecycle'), str(HERE.parent / 'exchanges'),
             str(HERE.parent / 'attack')]
from fixture import Fixture  # noqa: E402
from runner import run  # noqa: E402
from checks import PATIENCE, check  # noqa: E402
from clients import CLIENTS, Called, User  # noqa: E402
from wires import USAGE, WIRES  # noqa: E402

PIXEL = ('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E'
         'rkJggg==')
QUESTION = [User('Hello')]


class Meeting(Fixture):
    """One client and one provider, with a gateway between them."""
    client_api = wire = None

    def begin(self, *scripts):
        """`scripts`: for each request to the provider, in turn, parts to say, or a function of the
        Wire that says them."""
        self.scripts, self.requests = list(scripts), []
        provider = self.provider(self._play)
        given = [sys.executable, str(HERE.parent / 'mcp/given.py'), str(self.folder / 'calls')]
        self.start('access-log', *self.client_api.ingress(self.wire.model),
                   {'mcp': {'servers': [{'name': 'kit', 'command': given}]}},
                   self.wire.settings(provider.address))

    def _play(self, call):
        wire = self.wire(call)
        self.requests.append(wire)
        script = self.scripts.pop(0)
        if callable(script):
            return script(wire)
        wire.begin()
        for part in script:
            wire.say(*part)
        wire.finish(any(part[0] == 'call' for part in script))

    def request(self, turns, stream=True, functions=(), gateway_tools=(), reasons=False):
        """The bytes of a request."""
        api = self.client_api
        body = json.dumps(api.body(self.wire.model, turns, functions, stream, gateway_tools,
                                   reasons)).encode()
        headers = [*api.headers, *(['X-Gatehouse-Tools: ' + ','.join(gateway_tools)]
                                   if gateway_tools else [])]
        lines = [f'POST {api.path} HTTP/1.1', 'Host: 127.0.0.1', 'Content-Type: application/json',
                 f'Content-Length: {len(body)}', *headers, '', '']
        return '\r\n'.join(lines).encode() + body

    def ask(self, turns, stream=True, **options):
        answer = self.client(self.request(turns, stream, **options)).answer(PATIENCE)
        return self.client_api.read(answer.status, answer.body, stream)

    def ways(self):
        """Streamed and whole, where the API has both."""
        return [True] if self.client_api.streams_only else [True, False]


def check_end(response, finish):
    check(response.status == 200 and not response.error, response)
    check(response.finish == finish, 'finish is', response.finish, 'not', finish)


# ---- The rows of the matrix

def text(m):
    m.begin(*[[('text', 'Good '), ('text', 'day')]] * 2)
    for stream in m.ways():
        response = m.ask(QUESTION, stream)
        check_end(response, 'stop')
        check(response.text == 'Good day', response)
        check(not response.usage or response.usage == USAGE, response.usage)


def streams_as_it_comes(m):
    seen = threading.Event()

    def slowly(wire):
        wire.begin()
        wire.say('text', 'first')
        check(seen.wait(PATIENCE), 'the client did not get the first text')
        wire.say('text', 'second')
        wire.finish(False)
    m.begin(slowly)
    client = m.client(m.request(QUESTION))
    client.wait_for('first')
    seen.set()
    answer = client.answer(PATIENCE)
    check_end(m.client_api.read(answer.status, answer.body, True), 'stop')


def tools(m, names=('look_up',)):
    given = [(name, {'n': n}) for n, name in enumerate(names)]
    m.begin(*[[('call', *one) for one in given], [('text', 'Done')]] * 2)
    for stream in m.ways():
        response = m.ask(QUESTION, stream, functions=set(names))
        check_end(response, 'calls')
        check([call[1:] for call in response.calls] == given, response)
        check(set(m.requests[-1].offered()) == set(names), m.requests[-1].offered())
        results = [f'result {n}' for n in range(len(names))]
        response = m.ask([*QUESTION, Called(response.calls, results)], stream,
                         functions=set(names))
        check_end(response, 'stop')
        check(response.text == 'Done', response)
        sent = m.requests[-1].results()
        check(len(sent) == len(results) and all(r in s for r, s in zip(results, sent)), sent)


def parallel_tools(m):
    tools(m, ('look_up', 'look_up', 'write'))


def image(m):
    m.begin([('text', 'A pixel')])
    check_end(m.ask([User('What is this?', PIXEL)]), 'stop')
    check(m.requests[0].images() == [PIXEL], m.requests[0].images())


def reasoning(m):
    m.begin(*[[('reasoning', 'Let me think.'), ('text', 'Yes')]] * 2)
    for stream in m.ways():
        response = m.ask(QUESTION, stream, reasons=True)
        check_end(response, 'stop')
        check((response.reasoning, response.text) == ('Let me think.', 'Yes'), response)


def error_before(m):
    def refuse(wire):
        body = b'{"error": {"message": "SECRET-DETAIL"}}'
        wire.call.sock.sendall(b'HTTP/1.1 503 No\r\nContent-Type: application/json\r\n'
                               b'Content-Length: %d\r\nConnection: close\r\n\r\n%s' % (
                                   len(body), body))
        wire.call.sock.close()
    m.begin(*[refuse] * 2)
    for stream in m.ways():
        response = m.ask(QUESTION, stream)
        check(response.error and not response.finish, response)
        check('SECRET' not in response.error, response)
        # The chat's stream has begun by then: its client expects it at once.
        check(response.status in ((200,) if m.client_api.name == 'chat' else (503, 529)), response)


def error_inside(m):
    def half(wire):
        wire.begin()
        wire.say('text', 'Half a')
        wire.call.sock.close()
    m.begin(*[half] * 2)
    for stream in m.ways():
        response = m.ask(QUESTION, stream)
        check(response.error and not response.finish, response)
        check(stream or response.status >= 500, 'half a response with', response.status)


def client_leaves(m):
    gone = []

    def endless(wire):
        wire.begin()
        wire.say('text', 'first')
        gone.append(wire.call.is_gone(PATIENCE))
    m.begin(endless)
    client = m.client(m.request(QUESTION))
    client.wait_for('first')
    client.leave()
    m.logged(outcome='left')
    check(m.gateway.wait_for(lambda: gone, PATIENCE) is not None and gone == [True],
          'the upstream call goes on')


def mcp_loop(m):
    call = ('call', 'kit_give', {'result': {'content': [{'type': 'text', 'text': 'forty-two'}]}})
    m.begin(*[[('text', 'Wait. '), call], [('text', 'It is 42')]] * 2)
    for stream in m.ways():
        response = m.ask(QUESTION, stream, gateway_tools=['kit_give'])
        check_end(response, 'stop')
        check(response.text == 'Wait. It is 42', response)
        check(m.requests[-2].offered() == ['kit_give'], m.requests[-2].offered())
        check('forty-two' in m.requests[-1].results()[0], m.requests[-1].request)
        shown = m.client_api.name == 'chat'
        check(len(response.calls) == (1 if shown else 0), response.calls)


ROWS = [text, streams_as_it_comes, tools, parallel_tools, image, reasoning, error_before,
        error_inside, client_leaves, mcp_loop]


def cell(row, api, wire):
    def test(m):
        m.client_api, m.wire = api, wire
        row(m)
    test.__name__ = f'{api.name} {wire.name} {row.__name__}'
    return test


if __name__ == '__main__':
    cells = [cell(row, api, wire) for api in CLIENTS for wire in WIRES for row in ROWS]
    sys.exit(run(cells, Meeting, __doc__.splitlines()[0]))
