"""The APIs of the providers, played over bare sockets: a script is a list of parts, and each class
writes them in its API's events, and reads what the gateway has sent."""
import json

from provider import HEAD, chunk

USAGE = (7, 5)     # input and output tokens of each response


def data(value, name=None):
    return (f'event: {name}\n' if name else '').encode() + f'data: {json.dumps(value)}\n\n'.encode()


class Gemini:
    name, model = 'gemini', 'gemini-2.5-flash'

    @staticmethod
    def settings(address):
        return {'gemini': {'api_key': 'key', 'base_url': f'http://{address}'}}

    def __init__(self, call):
        self.call = call
        self.request = json.loads(call.body)

    def begin(self):
        self.call.sock.sendall(HEAD)

    def say(self, kind, *what):
        part = {'text': lambda: {'text': what[0]},
                'reasoning': lambda: {'text': what[0], 'thought': True},
                'call': lambda: {'functionCall': {'name': what[0], 'args': what[1]}}}[kind]()
        self._send({'candidates': [{'content': {'role': 'model', 'parts': [part]}}]})

    def finish(self, has_calls):
        self._send({'candidates': [{'content': {'role': 'model', 'parts': []},
                                    'finishReason': 'STOP'}],
                    'usageMetadata': {'promptTokenCount': USAGE[0],
                                      'candidatesTokenCount': USAGE[1]}})
        self.call.sock.sendall(chunk(b''))

    def _send(self, value):
        self.call.sock.sendall(chunk(data({**value, 'modelVersion': self.model})))

    def offered(self):
        return [one['name'] for tool in self.request.get('tools', [])
                for one in tool.get('functionDeclarations', [])]

    def images(self):
        return [part['inlineData']['data'] for part in self._parts() if 'inlineData' in part]

    def results(self):
        return [json.dumps(part['functionResponse']['response']) for part in self._parts()
                if 'functionResponse' in part]

    def _parts(self):
        return [part for turn in self.request['contents'] for part in turn['parts']]


class OpenAi:
    name, model = 'openai', 'gpt-4.1-mini'

    @staticmethod
    def settings(address):
        return {'openai': {'api_key': 'key', 'base_url': f'http://{address}/v1',
                           'models': ['gpt-*']}}

    def __init__(self, call):
        self.call, self.calls = call, 0
        self.request = json.loads(call.body)

    def begin(self):
        self.call.sock.sendall(HEAD)

    def say(self, kind, *what):
        if kind == 'call':
            function = {'name': what[0], 'arguments': json.dumps(what[1])}
            delta = {'tool_calls': [{'index': self.calls, 'id': f'call_{self.calls}',
                                     'type': 'function', 'function': function}]}
            self.calls += 1
        else:
            delta = {{'text': 'content', 'reasoning': 'reasoning_content'}[kind]: what[0]}
        self._send([{'index': 0, 'delta': delta, 'finish_reason': None}])

    def finish(self, has_calls):
        reason = 'tool_calls' if has_calls else 'stop'
        self._send([{'index': 0, 'delta': {}, 'finish_reason': reason}])
        self._send([], usage={'prompt_tokens': USAGE[0], 'completion_tokens': USAGE[1],
                              'total_tokens': sum(USAGE)})
        self.call.sock.sendall(chunk(b'data: [DONE]\n\n') + chunk(b''))

    def _send(self, choices, **more):
        self.call.sock.sendall(chunk(data({
            'id': 'chatcmpl-1', 'object': 'chat.completion.chunk', 'created': 1,
            'model': self.model, 'choices': choices, **more})))

    def offered(self):
        return [tool['function']['name'] for tool in self.request.get('tools', [])]

    def images(self):
        return [part['image_url']['url'].partition('base64,')[2]
                for message in self.request['messages'] if isinstance(message['content'], list)
                for part in message['content'] if part['type'] == 'image_url']

    def results(self):
        return [json.dumps(message['content']) for message in self.request['messages']
                if message['role'] == 'tool']


class Anthropic:
    name, model = 'anthropic', 'claude-sonnet-4-5'

    @staticmethod
    def settings(address):
        return {'anthropic': {'api_key': 'key', 'base_url': f'http://{address}',
                              'models': ['claude-*']}}

    def __init__(self, call):
        self.call, self.blocks = call, 0
        self.request = json.loads(call.body)

    def begin(self):
        self.call.sock.sendall(HEAD)
        self._send('message_start', message={
            'id': 'msg_1', 'type': 'message', 'role': 'assistant', 'model': self.model,
            'content': [], 'stop_reason': None, 'stop_sequence': None,
            'usage': {'input_tokens': USAGE[0], 'output_tokens': 1}})

    def say(self, kind, *what):
        if kind == 'call':
            block = {'type': 'tool_use', 'id': f'toolu_{self.blocks}', 'name': what[0], 'input': {}}
            deltas = [{'type': 'input_json_delta', 'partial_json': json.dumps(what[1])}]
        elif kind == 'reasoning':
            block = {'type': 'thinking', 'thinking': '', 'signature': ''}
            deltas = [{'type': 'thinking_delta', 'thinking': what[0]},
                      {'type': 'signature_delta', 'signature': 'c2lnbmVk'}]
        else:
            block = {'type': 'text', 'text': ''}
            deltas = [{'type': 'text_delta', 'text': what[0]}]
        self._send('content_block_start', index=self.blocks, content_block=block)
        for delta in deltas:
            self._send('content_block_delta', index=self.blocks, delta=delta)
        self._send('content_block_stop', index=self.blocks)
        self.blocks += 1

    def finish(self, has_calls):
        reason = 'tool_use' if has_calls else 'end_turn'
        self._send('message_delta', delta={'stop_reason': reason, 'stop_sequence': None},
                   usage={'output_tokens': USAGE[1]})
        self._send('message_stop')
        self.call.sock.sendall(chunk(b''))

    def _send(self, kind, **members):
        self.call.sock.sendall(chunk(data({'type': kind, **members}, kind)))

    def offered(self):
        return [tool['name'] for tool in self.request.get('tools', [])]

    def images(self):
        return [block['source']['data'] for block in self._blocks() if block['type'] == 'image']

    def results(self):
        return [json.dumps(block['content']) for block in self._blocks()
                if block['type'] == 'tool_result']

    def _blocks(self):
        return [block for message in self.request['messages']
                if isinstance(message['content'], list) for block in message['content']]


WIRES = [Gemini, OpenAi, Anthropic]
