"""Bad and hostile requests of Anthropic's Messages API, as in json_cases.py."""
from json_cases import DELETE, WRONG, JsonCase, dump, put

PATH = '/v1/messages'
GOOD = {
    'model': 'simulated', 'max_tokens': 1000, 'system': [{'type': 'text', 'text': 's'}],
    'messages': [
        {'role': 'user', 'content': [{'type': 'text', 'text': 'hello'}]},
        {'role': 'assistant', 'content': [{'type': 'tool_use', 'id': 'c', 'name': 't', 'input': {}}]},
        {'role': 'user', 'content': [{'type': 'tool_result', 'tool_use_id': 'c', 'content': [{'type': 'text', 'text': 'x'}]}]},
    ],
    'tools': [{'name': 't', 'input_schema': {'type': 'object'}}],
}
CALL, RESULT = ['messages', 1, 'content', 0], ['messages', 2, 'content', 0]
# Each member with the types that it may have.
MEMBERS = [
    (['model'], 'string'), (['max_tokens'], 'number'), (['messages'], 'array'), (['messages', 0], 'object'),
    (['messages', 0, 'role'], 'string'), (['messages', 0, 'content'], 'array string'), (['messages', 0, 'content', 0], 'object'),
    (['messages', 0, 'content', 0, 'type'], 'string'), (['messages', 0, 'content', 0, 'text'], 'string'),
    ([*CALL, 'id'], ''), ([*CALL, 'name'], 'string'), ([*CALL, 'input'], 'object null'),
    ([*RESULT, 'tool_use_id'], ''), ([*RESULT, 'content'], 'array string null'), ([*RESULT, 'is_error'], 'true null'),
    (['system'], 'array string null'), (['tools'], 'array null'), (['tools', 0], 'object'), (['tools', 0, 'name'], 'string'),
    (['tools', 0, 'input_schema'], 'object'), (['tool_choice'], 'null'), (['thinking'], 'null'), (['output_config'], 'object null'),
    (['temperature'], 'null'), (['top_p'], 'null'), (['top_k'], 'number null'), (['stop_sequences'], 'array null'),
    (['stream'], 'true null'), (['thread'], 'null'), (['mcp_servers'], 'null'),
]


def wrong_types():
    for path, right in MEMBERS:
        for kind, value in WRONG.items():
            if kind not in right.split():
                yield bad(f'type/{".".join(map(str, path))}={kind}', put(GOOD, path, value))


def bad(name, body):
    return JsonCase(f'messages/{name}', 'bad', dump(body), want=(400,), path=PATH)


def odd(name, body, headers=()):
    return JsonCase(f'messages/{name}', 'odd', dump(body), list(headers), path=PATH, max_seconds=10.0)


def with_block(block):
    return put(GOOD, ['messages', 0, 'content', 0], block)


def blocks(canary):
    url = f'http://127.0.0.1:{canary}/x'
    for name, source in {
        'http-url': {'type': 'url', 'url': url}, 'file-url': {'type': 'url', 'url': 'file:///etc/passwd'}, 'no-base64': {'type': 'base64', 'media_type': 'image/png', 'data': '***'},
        'file-id': {'type': 'file', 'file_id': '../x'}, 'none': None, 'nothing': {}, 'object-url': {'type': 'url', 'url': {}},
    }.items():
        yield bad(f'image/{name}', with_block({'type': 'image', 'source': source}))
    yield odd('image/https-url', with_block({'type': 'image', 'source': {'type': 'url', 'url': f'https://127.0.0.1:{canary}/x'}}))
    yield odd('image/crlf-type', with_block({'type': 'image', 'source': {'type': 'base64', 'media_type': 'image/png\r\nX-Injected: 1', 'data': 'AAAA'}}))
    for kind in ['hologram', '', '__proto__', 'server_tool_use', 'x' * 10000]:
        yield bad(f'block/{kind[:12]}', with_block({'type': kind, 'text': 'x'}))
    nested = {'type': 'text', 'text': 'x'}
    for _ in range(100):
        nested = {'type': 'document', 'source': {'type': 'content', 'content': [nested]}}
    yield bad('block/documents-in-documents', with_block(nested))
    yield odd('block/text-500k', with_block({'type': 'text', 'text': 'y' * 500000}))
    yield odd('block/sse-in-text', with_block({'type': 'text', 'text': 'a\r\n\r\nevent: evil\ndata: {}\n\n'}))


def calls():
    many = [{'type': 'tool_use', 'id': f'c{i}', 'name': 't', 'input': {}} for i in range(2000)]
    results = [{'type': 'tool_result', 'tool_use_id': f'c{i}'} for i in reversed(range(2000))]
    yield odd('calls/2000-backwards', put(put(GOOD, ['messages', 1, 'content'], many), ['messages', 2, 'content'], results))
    yield bad('calls/no-result', put(GOOD, ['messages'], GOOD['messages'][:2]))
    yield bad('calls/no-call', put(GOOD, ['messages'], GOOD['messages'][2:]))
    for name, call_id in {'crlf': 'c\r\nX-Injected: 1', 'bad-metadata': 'c_md_eyJ!!', 'deep-metadata': 'c_md_eyJhIjp' + 'b' * 100000, 'unknown-key': 'c_mk_0123456789abcdef', 'mark-alone': '_md_eyJ', 'long': 'c' * 100000}.items():
        yield odd(f'calls/id-{name}', put(put(GOOD, [*CALL, 'id'], call_id), [*RESULT, 'tool_use_id'], call_id))
    for name, signature in {'bad': 'gatehouse.!!', 'no-object': 'gatehouse.NQ', 'deep': 'gatehouse.' + 'W1tb' * 50000, 'foreign': 'EqQBCgIYAhIM'}.items():
        thought = {'type': 'thinking', 'thinking': 'x', 'signature': signature}
        yield odd(f'thinking/{name}', put(GOOD, ['messages', 1, 'content'], [thought, GOOD['messages'][1]['content'][0]]))


def tools():
    schema = {'type': 'object'}
    for name, given in {
        'twice': [{'name': 'a', 'input_schema': schema}] * 2, 'crlf-name': [{'name': 'a\r\nX: 1', 'input_schema': schema}],
        'name-10k': [{'name': 'n' * 10000, 'input_schema': schema}], 'web-search': [{'type': 'web_search_20250305', 'name': 'a'}],
    }.items():
        yield bad(f'tools/{name}', put(GOOD, ['tools'], given))
    yield odd('tools/5000', put(GOOD, ['tools'], [{'name': f't{i}', 'input_schema': schema} for i in range(5000)]))
    yield odd('tools/remote-ref', put(GOOD, ['tools', 0, 'input_schema'], {'$ref': 'http://127.0.0.1:1/x'}))
    yield odd('tools/of-the-gateway', GOOD, [('X-Gatehouse-Tools', ',,a,' + 'b,' * 2000)])


def numbers():
    for name, value in {'max_tokens': 10 ** 18, 'top_k': 10 ** 18, 'temperature': 1e300, 'top_p': -1e300}.items():
        yield bad(f'number/{name}', put(GOOD, [name], value))
    yield bad('number/budget', put(GOOD, ['thinking'], {'type': 'enabled', 'budget_tokens': 10 ** 18}))


def others():
    for name, raw, want in [('empty', b'', 400), ('cut', dump(GOOD)[:-3], 400), ('deep', b'[' * 100000, 400), ('utf8', dump(GOOD).replace(b'hello', b'a\xffb'), 400)]:
        yield JsonCase(f'messages/json/{name}', 'bad', raw, want=(want,), path=PATH)
    yield JsonCase('messages/content-type', 'bad', dump(GOOD), want=(415,), path=PATH, content_type='text/plain')
    yield JsonCase('messages/too-large', 'bad', b'', [('Content-Length', '2147483648')], want=(413,), path=PATH)
    yield JsonCase('messages/GET', 'bad', b'', method='GET', want=(405,), path=PATH)
    yield JsonCase('messages/unknown-path', 'bad', dump(GOOD), want=(404,), path=PATH + '/batches')
    yield JsonCase('messages/unknown-version', 'odd', dump(GOOD), [('anthropic-version', "' OR 1=1 --")], path=PATH)
    yield bad('count/no-messages', put(GOOD, ['messages'], DELETE))
    yield JsonCase('messages/count/not-served', 'bad', dump(put(GOOD, ['max_tokens'], DELETE)), want=(400,), path=PATH + '/count_tokens')
    yield odd('ten-thousand-messages', put(GOOD, ['messages'], [{'role': 'user', 'content': 'x'}] * 10000))
    yield odd('stream', put(GOOD, ['stream'], True))


def all_cases(canary):
    yield odd('good', GOOD)
    yield from wrong_types()
    yield from blocks(canary)
    yield from calls()
    yield from tools()
    yield from numbers()
    yield from others()
    yield odd('good-at-the-end', GOOD)
