"""The APIs of the gateway, as their clients use them: each class writes one conversation in its
API's form, and reads a response, streamed or whole, into a Response."""
import json
from dataclasses import dataclass, field

EXTENSION = 'X-Extension-ID: ' + 'abcdefghijklmnop' * 2


@dataclass
class Response:
    status: int = 0
    text: str = ''
    reasoning: str = ''
    calls: list = field(default_factory=list)    # (id, name, arguments)
    finish: str = ''     # 'stop', 'calls'; empty: the response did not come to its end
    error: str = ''      # what the API's error says
    usage: tuple = ()    # input and output tokens


@dataclass
class User:
    text: str
    image: str = ''     # PNG as base64


@dataclass
class Called:
    """A turn of the model that called functions, and what they returned."""
    calls: list
    results: list       # texts


def events(body):
    """The data of server-sent events, but for [DONE]."""
    lines = [line[6:] for line in body.decode().splitlines() if line.startswith('data: ')]
    return [json.loads(line) for line in lines if line != '[DONE]']


class Keyless:
    """An API whose callers need no key."""
    def ingress(self, model):
        return [{self.name: {'anyone': True}}]


class Chat:
    """The AI SDK's UI message stream."""
    name, path, headers, streams_only = 'chat', '/api/chat', [EXTENSION], True
    finishes = {'stop': 'stop', 'tool-calls': 'calls'}

    def ingress(self, model):
        return ['extension-auth', {'chat': {'models': [model], 'default_model': model}}]

    def body(self, model, turns, functions, stream, gateway_tools=(), reasons=False):
        messages = []
        for turn in turns:
            if isinstance(turn, User):
                parts = [{'type': 'text', 'text': turn.text}]
                if turn.image:
                    parts.append({'type': 'file', 'mediaType': 'image/png',
                                  'url': 'data:image/png;base64,' + turn.image})
                messages.append({'role': 'user', 'parts': parts})
            else:
                parts = [{'type': f'tool-{name}', 'toolCallId': id, 'state': 'output-available',
                          'input': given, 'output': result}
                         for (id, name, given), result in zip(turn.calls, turn.results)]
                messages.append({'role': 'assistant', 'parts': [{'type': 'step-start'}, *parts]})
        schemas = [{'name': name, 'inputSchema': {'type': 'object'}} for name in functions]
        schemas += [{'name': name, 'inputSchema': {'type': 'object'},
                     'mcp': {'serverName': 'kit', 'executionLocation': 'backend'}}
                    for name in gateway_tools]
        return {'model': model, 'messages': messages, 'toolSchemas': schemas}

    def read(self, status, body, streamed):
        out = Response(status)
        if status != 200:
            out.error = json.loads(body)['message']
            return out
        for e in events(body):
            kind = e['type']
            out.text += e['delta'] if kind == 'text-delta' else ''
            out.reasoning += e['delta'] if kind == 'reasoning-delta' else ''
            if kind == 'tool-input-available':
                out.calls.append((e['toolCallId'], e['toolName'], e['input']))
            if kind == 'error':
                out.error = e['errorText']
            if kind == 'finish':
                reason = e.get('finishReason', 'stop')
                out.finish = self.finishes.get(reason, reason)
        return out


class Completions(Keyless):
    """OpenAI's Chat Completions."""
    name, path, headers, streams_only = 'completions', '/v1/chat/completions', [], False
    finishes = {'stop': 'stop', 'tool_calls': 'calls'}

    def body(self, model, turns, functions, stream, gateway_tools=(), reasons=False):
        messages = []
        for turn in turns:
            if isinstance(turn, User):
                parts = [{'type': 'text', 'text': turn.text}]
                if turn.image:
                    url = 'data:image/png;base64,' + turn.image
                    parts.append({'type': 'image_url', 'image_url': {'url': url}})
                messages.append({'role': 'user', 'content': parts})
            else:
                calls = [{'id': id, 'type': 'function',
                          'function': {'name': name, 'arguments': json.dumps(given)}}
                         for id, name, given in turn.calls]
                messages.append({'role': 'assistant', 'content': None, 'tool_calls': calls})
                messages += [{'role': 'tool', 'tool_call_id': id, 'content': result}
                             for (id, _, _), result in zip(turn.calls, turn.results)]
        out = {'model': model, 'messages': messages, 'stream': stream}
        if functions:
            out['tools'] = [{'type': 'function', 'function': {
                'name': name, 'parameters': {'type': 'object'}}} for name in functions]
        if stream:
            out['stream_options'] = {'include_usage': True}
        return {**out, 'reasoning_effort': 'low'} if reasons else out

    def read(self, status, body, streamed):
        out = Response(status)
        if not streamed or status != 200:
            return self._read_whole(out, json.loads(body))
        calls = {}
        for e in events(body):
            if 'error' in e:
                out.error = e['error']['message']
                continue
            self._read_usage(out, e)
            for choice in e['choices']:
                delta = choice['delta']
                out.text += delta.get('content') or ''
                out.reasoning += delta.get('reasoning_content') or ''
                for call in delta.get('tool_calls', []):
                    known = calls.setdefault(call['index'], {'arguments': ''})
                    known.update({k: v for k, v in {**call, **call['function']}.items()
                                  if k in ('id', 'name')})
                    known['arguments'] += call['function'].get('arguments', '')
                if choice['finish_reason']:
                    out.finish = self.finishes.get(choice['finish_reason'])
        out.calls = [(c['id'], c['name'], json.loads(c['arguments'])) for c in calls.values()]
        return out

    def _read_whole(self, out, response):
        if 'error' in response:
            out.error = response['error']['message']
            return out
        [choice] = response['choices']
        message = choice['message']
        out.text, out.reasoning = message['content'] or '', message.get('reasoning_content', '')
        out.calls = [(c['id'], c['function']['name'], json.loads(c['function']['arguments']))
                     for c in message.get('tool_calls', [])]
        out.finish = self.finishes.get(choice['finish_reason'])
        self._read_usage(out, response)
        return out

    @staticmethod
    def _read_usage(out, response):
        if response.get('usage'):
            out.usage = response['usage']['prompt_tokens'], response['usage']['completion_tokens']


class Messages(Keyless):
    """Anthropic's Messages."""
    name, path, streams_only = 'messages', '/v1/messages', False
    headers = ['anthropic-version: 2023-06-01']
    finishes = {'end_turn': 'stop', 'tool_use': 'calls'}

    def body(self, model, turns, functions, stream, gateway_tools=(), reasons=False):
        messages = []
        for turn in turns:
            if isinstance(turn, User):
                blocks = [{'type': 'text', 'text': turn.text}]
                if turn.image:
                    source = {'type': 'base64', 'media_type': 'image/png', 'data': turn.image}
                    blocks.append({'type': 'image', 'source': source})
                messages.append({'role': 'user', 'content': blocks})
            else:
                calls = [{'type': 'tool_use', 'id': id, 'name': name, 'input': given}
                         for id, name, given in turn.calls]
                results = [{'type': 'tool_result', 'tool_use_id': id, 'content': result}
                           for (id, _, _), result in zip(turn.calls, turn.results)]
                messages += [{'role': 'assistant', 'content': calls},
                             {'role': 'user', 'content': results}]
        out = {'model': model, 'max_tokens': 4096, 'messages': messages, 'stream': stream}
        if functions:
            out['tools'] = [{'name': name, 'input_schema': {'type': 'object'}}
                            for name in functions]
        return {**out, 'thinking': {'type': 'enabled', 'budget_tokens': 1024}} if reasons else out

    def read(self, status, body, streamed):
        out = Response(status)
        if not streamed or status != 200:
            return self._read_whole(out, json.loads(body))
        blocks, usage, reason = [], {}, None
        for e in events(body):
            kind = e['type']
            if kind == 'error':
                out.error = e['error']['message']
            if kind == 'message_start':
                usage.update(e['message']['usage'])
            if kind == 'content_block_start':
                blocks.append({**e['content_block'], 'json': ''})
            if kind == 'content_block_delta':
                delta, block = e['delta'], blocks[e['index']]
                for member, of in (('text', 'text'), ('thinking', 'thinking'),
                                   ('json', 'partial_json')):
                    if of in delta:
                        block[member] += delta[of]
            if kind == 'message_delta':
                usage.update(e['usage'])
                reason = e['delta']['stop_reason']
        for block in blocks:
            if block['type'] == 'tool_use':
                block['input'] = json.loads(block['json'] or '{}')
        return self._read_blocks(out, blocks, reason, usage)

    def _read_whole(self, out, response):
        if response['type'] == 'error':
            out.error = response['error']['message']
            return out
        return self._read_blocks(out, response['content'], response['stop_reason'],
                                 response['usage'])

    def _read_blocks(self, out, blocks, reason, usage):
        out.text = ''.join(b['text'] for b in blocks if b['type'] == 'text')
        out.reasoning = ''.join(b['thinking'] for b in blocks if b['type'] == 'thinking')
        out.calls = [(b['id'], b['name'], b['input']) for b in blocks if b['type'] == 'tool_use']
        out.finish = self.finishes.get(reason, '')
        if usage:
            out.usage = usage['input_tokens'], usage['output_tokens']
        return out


class Responses(Keyless):
    """OpenAI's Responses."""
    name, path, headers, streams_only = 'responses', '/v1/responses', [], False

    def body(self, model, turns, functions, stream, gateway_tools=(), reasons=False):
        items = []
        for turn in turns:
            if isinstance(turn, User):
                parts = [{'type': 'input_text', 'text': turn.text}]
                if turn.image:
                    url = 'data:image/png;base64,' + turn.image
                    parts.append({'type': 'input_image', 'image_url': url, 'detail': 'auto'})
                items.append({'role': 'user', 'content': parts})
            else:
                items += [{'type': 'function_call', 'call_id': id, 'name': name,
                           'arguments': json.dumps(given)} for id, name, given in turn.calls]
                items += [{'type': 'function_call_output', 'call_id': id, 'output': result}
                          for (id, _, _), result in zip(turn.calls, turn.results)]
        out = {'model': model, 'input': items, 'stream': stream, 'store': False}
        if functions:
            out['tools'] = [{'type': 'function', 'name': name, 'parameters': {'type': 'object'},
                             'strict': False} for name in functions]
        if reasons:
            out['reasoning'] = {'effort': 'low', 'summary': 'auto'}
        return out

    def read(self, status, body, streamed):
        out = Response(status)
        if not streamed or status != 200:
            return self._read_whole(out, json.loads(body))
        for e in events(body):
            kind = e['type']
            if kind == 'response.output_text.delta':
                out.text += e['delta']
            if kind == 'error':
                out.error = e['message']
            if kind in ('response.completed', 'response.incomplete', 'response.failed'):
                seen, out = out, self._read_whole(Response(status), e['response'])
                if kind != 'response.failed' and seen.text != out.text:
                    out.error = 'the deltas are not the text of the response'
        return out

    def _read_whole(self, out, response):
        if response.get('error'):
            out.error = response['error']['message']
            return out
        items = response['output']
        out.text = ''.join(part['text'] for item in items if item['type'] == 'message'
                           for part in item['content'])
        out.reasoning = ''.join(part['text'] for item in items if item['type'] == 'reasoning'
                                for part in item['summary'])
        out.calls = [(item['call_id'], item['name'], json.loads(item['arguments']))
                     for item in items if item['type'] == 'function_call']
        if response['status'] == 'completed':
            out.finish = 'calls' if out.calls else 'stop'
        out.usage = response['usage']['input_tokens'], response['usage']['output_tokens']
        return out


CLIENTS = [Chat(), Completions(), Messages(), Responses()]
