"""A chat whose model calls tools: the gateway between a client, the model and MCP servers."""
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / 'lifecycle'))
from fixture import Fixture, gemini  # noqa: E402  first: it says where the rest is
from checks import check  # noqa: E402
from client import head  # noqa: E402
from provider import HEAD, chunk  # noqa: E402

TESTS = []


def test(function):
    TESTS.append(function)
    return function


def local(name='local', *words, **settings):
    """A server that is a process."""
    return {'name': name, 'command': [sys.executable, str(HERE / 'server.py'), *words], **settings}


def event(*parts, **members):
    candidate = {'content': {'role': 'model', 'parts': list(parts)}, **members}
    return chunk(f'data: {json.dumps({"candidates": [candidate]})}\r\n\r\n'.encode())


def model(*calls):
    """A model that makes these calls, (name, arguments) each, and then repeats their results."""
    def answer(call):
        responses = [part['functionResponse']['response']
                     for part in json.loads(call.body)['contents'][-1]['parts']
                     if 'functionResponse' in part]
        results = [response.get('content', response.get('error')) for response in responses]
        parts = [{'text': json.dumps(results)}] if results or not calls else [
            {'functionCall': {'name': name, 'args': told}} for name, told in calls]
        call.sock.sendall(HEAD + event(*parts, finishReason='STOP') + chunk(b''))
    return answer


def chat(*names, headers=()):
    """A request that announces tools of these names as running in the gateway."""
    schemas = [{'name': name, 'inputSchema': {'type': 'object'},
                'mcp': {'serverName': 's', 'executionLocation': 'backend'}} for name in names]
    body = json.dumps({'messages': [{'role': 'user', 'parts': [{'type': 'text', 'text': 'Go'}]}],
                       'toolSchemas': schemas}).encode()
    return head(len(body), headers=headers) + body


class Play(Fixture):
    def begin(self, *servers, auth=None, mcp=None, **sections):
        """Starts a gateway with these servers. `auth`, `mcp`: settings of extension-auth, and more
        of mcp. self.calls: what the model is to call next."""
        self.calls, self.bodies = [], []    # `bodies`: of the requests to the model
        self.model = self.provider(self.answer)
        _, ingress, below = gemini(self.model.address)
        settings = {'servers': list(servers), **(mcp or {})}
        health = {'health': {'checks': {'mcpClients': ['mcp']}}}
        self.start('access-log', health, {'extension-auth': auth or {}}, ingress,
                   {'mcp': settings}, below, **sections)

    def answer(self, call):
        self.bodies.append(json.loads(call.body))
        model(*self.calls)(call)

    def ask(self, *calls, seconds=10.0, headers=()):
        """The results of its calls, as the model got them."""
        self.calls = calls
        answer = self.client(chat(*(name for name, _ in calls), headers=headers)).answer(seconds)
        chunks = [json.loads(line[6:]) for line in answer.body.decode().split('\n\n')
                  if line.startswith('data: {')]
        check(chunks[-1]['type'] == 'finish', 'the chat ended with', chunks[-1])
        text = ''.join(c.get('delta', '') for c in chunks if c['type'] == 'text-delta')
        return [result if isinstance(result, str) else result['content'][0]['text']
                for result in json.loads(text)]

    def ask_if_offered(self, name, told):
        """As ask(), but None if the model was told that there is no such tool."""
        results = self.ask((name, told))
        return None if 'There is no tool named' in results[0] else results

    def count(self, message):
        return sum(message in line for line in self.gateway.lines)

    def resident_mib(self):
        pages = int(Path(f'/proc/{self.pid}/statm').read_text().split()[1])
        return pages * 4096 >> 20
