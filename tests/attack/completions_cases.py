"""Bad and hostile requests of OpenAI's Chat Completions API, as in json_cases.py."""
from json_cases import WRONG, JsonCase, dump, put

PATH = '/v1/chat/completions'
FUNCTION = {'type': 'function', 'function': {'name': 't', 'parameters': {'type': 'object'}}}
GOOD = {
    'model': 'simulated', 'max_tokens': 1000,
    'messages': [
        {'role': 'system', 'content': 's'},
        {'role': 'user', 'content': [{'type': 'text', 'text': 'hello'}]},
        {'role': 'assistant', 'content': None, 'tool_calls': [
            {'id': 'c', 'type': 'function', 'function': {'name': 't', 'arguments': '{}'}}]},
        {'role': 'tool', 'tool_call_id': 'c', 'content': 'x'},
    ],
    'tools': [FUNCTION],
}
USER, CALL, RESULT = ['messages', 1], ['messages', 2, 'tool_calls', 0], ['messages', 3]
TOOL = ['tools', 0, 'function']
# Each member with the types that it may have.
MEMBERS = [
    (['model'], 'string'), (['max_tokens'], 'number null'), (['messages'], 'array'),
    (['messages', 0], 'object'), ([*USER, 'role'], 'string'),
    ([*USER, 'content'], 'array string'), ([*USER, 'content', 0], 'object'),
    ([*USER, 'content', 0, 'type'], 'string'), ([*USER, 'content', 0, 'text'], 'string'),
    (['messages', 2, 'tool_calls'], ''), ([*CALL, 'id'], ''), ([*CALL, 'type'], 'null'),
    ([*CALL, 'function'], ''), ([*CALL, 'function', 'name'], 'string'),
    ([*CALL, 'function', 'arguments'], 'null'), ([*RESULT, 'tool_call_id'], ''),
    ([*RESULT, 'content'], 'array string null'), (['tools'], 'array null'),
    (['tools', 0], 'object'), (['tools', 0, 'type'], 'string'), (TOOL, ''),
    ([*TOOL, 'name'], 'string'), ([*TOOL, 'parameters'], 'object null'),
    (['tool_choice'], 'null'), (['response_format'], 'null'), (['temperature'], 'null'),
    (['stop'], 'array string null'), (['stream'], 'true null'),
    (['stream_options'], 'object null'), (['reasoning_effort'], 'null'),
    (['seed'], 'number null'), (['n'], 'null'), (['parallel_tool_calls'], 'true null'),
]


def wrong_types():
    for path, right in MEMBERS:
        for kind, value in WRONG.items():
            if kind not in right.split():
                yield bad(f'type/{".".join(map(str, path))}={kind}', put(GOOD, path, value))


def bad(name, body):
    return JsonCase(f'completions/{name}', 'bad', dump(body), want=(400,), path=PATH)


def odd(name, body, headers=()):
    return JsonCase(f'completions/{name}', 'odd', dump(body), list(headers), path=PATH,
                    max_seconds=10.0)


def with_part(part):
    return put(GOOD, [*USER, 'content', 0], part)


def image(url):
    return with_part({'type': 'image_url', 'image_url': {'url': url}})


def parts(canary):
    for name, url in {
        'http': f'http://127.0.0.1:{canary}/x', 'file': 'file:///etc/passwd', 'ftp': 'ftp://a/b',
        'no-base64': 'data:image/png;base64,***', 'no-data': 'data:image/png;base64,',
        'no-comma': 'data:image/png', 'object': {}, 'none': None,
    }.items():
        yield bad(f'image/{name}', image(url))
    yield odd('image/https', image(f'https://127.0.0.1:{canary}/x'))
    yield odd('image/crlf-type', image('data:image/png\r\nX-Injected: 1;base64,AAAA'))
    yield bad('file/id', with_part({'type': 'file', 'file': {'file_id': '../x'}}))
    audio = {'data': 'AAAA', 'format': 'wav\r\nX-Injected: 1'}
    yield bad('audio/crlf-format', with_part({'type': 'input_audio', 'input_audio': audio}))
    for kind in ['hologram', '', '__proto__', 'tool_result', 'x' * 10000]:
        yield bad(f'part/{kind[:12]}', with_part({'type': kind, 'text': 'x'}))
    yield odd('part/text-500k', with_part({'type': 'text', 'text': 'y' * 500000}))
    text = 'a\r\n\r\ndata: {"evil": 1}\n\ndata: [DONE]\n\n'
    yield odd('part/sse-in-text', with_part({'type': 'text', 'text': text}))


def calls():
    many = [{'id': f'c{i}', 'function': {'name': 't', 'arguments': '{}'}} for i in range(2000)]
    results = [{'role': 'tool', 'tool_call_id': f'c{i}'} for i in reversed(range(2000))]
    said = {'role': 'assistant', 'tool_calls': many}
    yield odd('calls/2000-backwards', put(GOOD, ['messages'], [said, *results]))
    yield bad('calls/no-result', put(GOOD, ['messages'], GOOD['messages'][:3]))
    yield bad('calls/no-call', put(GOOD, ['messages'], GOOD['messages'][3:]))
    for name, arguments in {
        'cut': '{', 'array': '[]', 'text': 'x', 'deep': '{"a":' + '[' * 100000,
    }.items():
        path = [*CALL, 'function', 'arguments']
        yield bad(f'calls/arguments-{name}', put(GOOD, path, arguments))
    for name, call_id in {
        'crlf': 'c\r\nX-Injected: 1', 'bad-metadata': 'c_md_eyJ!!', 'mark-alone': '_md_eyJ',
        'deep-metadata': 'c_md_eyJhIjp' + 'b' * 100000, 'unknown-key': 'c_mk_0123456789abcdef',
        'long': 'c' * 100000,
    }.items():
        called = put(GOOD, [*CALL, 'id'], call_id)
        yield odd(f'calls/id-{name}', put(called, [*RESULT, 'tool_call_id'], call_id))
    extra = {'google': {'thought_signature': 's' * 100000}}
    yield odd('calls/signature', put(GOOD, [*CALL, 'extra_content'], extra))


def function(name):
    return {'type': 'function', 'function': {'name': name}}


def tools():
    for name, given in {
        'twice': [FUNCTION] * 2, 'crlf-name': [function('a\r\nX-Injected: 1')],
        'name-10k': [function('n' * 10000)], 'web-search': [{'type': 'web_search'}],
    }.items():
        yield bad(f'tools/{name}', put(GOOD, ['tools'], given))
    yield odd('tools/5000', put(GOOD, ['tools'], [function(f't{i}') for i in range(5000)]))
    remote = {'$ref': 'http://127.0.0.1:1/x'}
    yield odd('tools/remote-ref', put(GOOD, [*TOOL, 'parameters'], remote))
    yield odd('tools/of-the-gateway', GOOD, [('X-Gatehouse-Tools', ',,a,' + 'b,' * 2000)])


def numbers():
    for name, value in {
        'max_tokens': 10 ** 18, 'temperature': 1e300, 'top_p': -1e300, 'presence_penalty': 1e300,
        'n': 10 ** 18,
    }.items():
        yield bad(f'number/{name}', put(GOOD, [name], value))


def plain(name, body, want, **request):
    return JsonCase(f'completions/{name}', 'bad', body, want=(want,), **{'path': PATH, **request})


def others():
    good = dump(GOOD)
    for name, raw in {
        'empty': b'', 'cut': good[:-3], 'deep': b'[' * 100000,
        'utf8': good.replace(b'hello', b'a\xffb'),
    }.items():
        yield plain(f'json/{name}', raw, 400)
    yield plain('content-type', good, 415, content_type='text/plain')
    yield plain('too-large', b'', 413, headers=[('Content-Length', '2147483648')])
    yield plain('GET', b'', 405, method='GET')
    yield plain('unknown-path', good, 404, path='/v1/embeddings')
    for name in ['functions', 'function_call', 'audio', 'web_search_options', 'top_logprobs']:
        yield bad(f'refused/{name}', put(GOOD, [name], {}))
    many = [{'role': 'user', 'content': 'x'}] * 10000
    yield odd('ten-thousand-messages', put(GOOD, ['messages'], many))
    streamed = put(GOOD, ['stream'], True)
    yield odd('stream', put(streamed, ['stream_options'], {'include_usage': True}))


def all_cases(canary):
    yield odd('good', GOOD)
    yield from wrong_types()
    yield from parts(canary)
    yield from calls()
    yield from tools()
    yield from numbers()
    yield from others()
    yield odd('good-at-the-end', GOOD)
