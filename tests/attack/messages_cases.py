"""Bad and hostile requests of Anthropic's Messages API, as in json_cases.py."""
from json_cases import DELETE, WRONG, JsonCase, dump, put

PATH = '/v1/messages'
GOOD = {
    'model': 'simulated', 'max_tokens': 1000, 'system': [{'type': 'text', 'text': 's'}],
    'messages': [
        {'role': 'user', 'content': [{'type': 'text', 'text': 'hello'}]},
        {'role': 'assistant', 'content': [
            {'type': 'tool_use', 'id': 'c', 'name': 't', 'input': {}}]},
        {'role': 'user', 'content': [{'type': 'tool_result', 'tool_use_id': 'c',
                                      'content': [{'type': 'text', 'text': 'x'}]}]},
    ],
    'tools': [{'name': 't', 'input_schema': {'type': 'object'}}],
}
CALL, RESULT = ['messages', 1, 'content', 0], ['messages', 2, 'content', 0]
# Each member with the types that it may have.
MEMBERS = [
    (['model'], 'string'), (['max_tokens'], 'number'), (['messages'], 'array'),
    (['messages', 0], 'object'), (['messages', 0, 'role'], 'string'),
    (['messages', 0, 'content'], 'array string'), (['messages', 0, 'content', 0], 'object'),
    (['messages', 0, 'content', 0, 'type'], 'string'),
    (['messages', 0, 'content', 0, 'text'], 'string'),
    ([*CALL, 'id'], ''), ([*CALL, 'name'], 'string'), ([*CALL, 'input'], 'object null'),
    ([*RESULT, 'tool_use_id'], ''), ([*RESULT, 'content'], 'array string null'),
    ([*RESULT, 'is_error'], 'true null'), (['system'], 'array string null'),
    (['tools'], 'array null'), (['tools', 0], 'object'), (['tools', 0, 'name'], 'string'),
    (['tools', 0, 'input_schema'], 'object'), (['tool_choice'], 'null'), (['thinking'], 'null'),
    (['output_config'], 'object null'), (['temperature'], 'null'), (['top_p'], 'null'),
    (['top_k'], 'number null'), (['stop_sequences'], 'array null'), (['stream'], 'true null'),
    (['thread'], 'null'), (['mcp_servers'], 'null'),
]


def wrong_types():
    for path, right in MEMBERS:
        for kind, value in WRONG.items():
            if kind not in right.split():
                yield bad(f'type/{".".join(map(str, path))}={kind}', put(GOOD, path, value))


def bad(name, body):
    return JsonCase(f'messages/{name}', 'bad', dump(body), want=(400,), path=PATH)


def odd(name, body, headers=()):
    return JsonCase(f'messages/{name}', 'odd', dump(body), list(headers), path=PATH,
                    max_seconds=10.0)


def with_block(block):
    return put(GOOD, ['messages', 0, 'content', 0], block)


def image(source):
    return with_block({'type': 'image', 'source': source})


def blocks(canary):
    url = f'http://127.0.0.1:{canary}/x'
    png = {'type': 'base64', 'media_type': 'image/png'}
    for name, source in {
        'http-url': {'type': 'url', 'url': url},
        'file-url': {'type': 'url', 'url': 'file:///etc/passwd'},
        'no-base64': {**png, 'data': '***'}, 'file-id': {'type': 'file', 'file_id': '../x'},
        'none': None, 'nothing': {}, 'object-url': {'type': 'url', 'url': {}},
    }.items():
        yield bad(f'image/{name}', image(source))
    yield odd('image/https-url', image({'type': 'url', 'url': f'https://127.0.0.1:{canary}/x'}))
    crlf = {**png, 'media_type': 'image/png\r\nX-Injected: 1', 'data': 'AAAA'}
    yield odd('image/crlf-type', image(crlf))
    for kind in ['hologram', '', '__proto__', 'server_tool_use', 'x' * 10000]:
        yield bad(f'block/{kind[:12]}', with_block({'type': kind, 'text': 'x'}))
    nested = {'type': 'text', 'text': 'x'}
    for _ in range(100):
        nested = {'type': 'document', 'source': {'type': 'content', 'content': [nested]}}
    yield bad('block/documents-in-documents', with_block(nested))
    yield odd('block/text-500k', with_block({'type': 'text', 'text': 'y' * 500000}))
    event = 'a\r\n\r\nevent: evil\ndata: {}\n\n'
    yield odd('block/sse-in-text', with_block({'type': 'text', 'text': event}))


def calls():
    call, result = GOOD['messages'][1]['content'][0], {'type': 'tool_result'}
    many = [{**call, 'id': f'c{i}'} for i in range(2000)]
    results = [{**result, 'tool_use_id': f'c{i}'} for i in reversed(range(2000))]
    backwards = put(GOOD, ['messages', 1, 'content'], many)
    yield odd('calls/2000-backwards', put(backwards, ['messages', 2, 'content'], results))
    yield bad('calls/no-result', put(GOOD, ['messages'], GOOD['messages'][:2]))
    yield bad('calls/no-call', put(GOOD, ['messages'], GOOD['messages'][2:]))
    for name, call_id in {
        'crlf': 'c\r\nX-Injected: 1', 'bad-metadata': 'c_md_eyJ!!',
        'deep-metadata': 'c_md_eyJhIjp' + 'b' * 100000, 'unknown-key': 'c_mk_0123456789abcdef',
        'mark-alone': '_md_eyJ', 'long': 'c' * 100000,
    }.items():
        body = put(GOOD, [*CALL, 'id'], call_id)
        yield odd(f'calls/id-{name}', put(body, [*RESULT, 'tool_use_id'], call_id))
    for name, signature in {
        'bad': 'gatehouse.!!', 'no-object': 'gatehouse.NQ', 'deep': 'gatehouse.' + 'W1tb' * 50000,
        'foreign': 'EqQBCgIYAhIM',
    }.items():
        thought = {'type': 'thinking', 'thinking': 'x', 'signature': signature}
        yield odd(f'thinking/{name}', put(GOOD, ['messages', 1, 'content'], [thought, call]))


def tools():
    tool = {'name': 'a', 'input_schema': {'type': 'object'}}
    for name, given in {
        'twice': [tool, tool], 'crlf-name': [{**tool, 'name': 'a\r\nX: 1'}],
        'name-10k': [{**tool, 'name': 'n' * 10000}],
        'web-search': [{'type': 'web_search_20250305', 'name': 'a'}],
    }.items():
        yield bad(f'tools/{name}', put(GOOD, ['tools'], given))
    many = [{**tool, 'name': f't{i}'} for i in range(5000)]
    yield odd('tools/5000', put(GOOD, ['tools'], many))
    remote = {'$ref': 'http://127.0.0.1:1/x'}
    yield odd('tools/remote-ref', put(GOOD, ['tools', 0, 'input_schema'], remote))
    yield odd('tools/of-the-gateway', GOOD, [('X-Gatehouse-Tools', ',,a,' + 'b,' * 2000)])


def numbers():
    for name, value in {
        'max_tokens': 10 ** 18, 'top_k': 10 ** 18, 'temperature': 1e300, 'top_p': -1e300,
    }.items():
        yield bad(f'number/{name}', put(GOOD, [name], value))
    budget = {'type': 'enabled', 'budget_tokens': 10 ** 18}
    yield bad('number/budget', put(GOOD, ['thinking'], budget))


def case(name, raw, want, headers=(), path='', **more):
    return JsonCase(f'messages/{name}', 'bad', raw, list(headers), want=(want,), path=PATH + path,
                    **more)


def others():
    good = dump(GOOD)
    yield case('json/empty', b'', 400)
    yield case('json/cut', good[:-3], 400)
    yield case('json/deep', b'[' * 100000, 400)
    yield case('json/utf8', good.replace(b'hello', b'a\xffb'), 400)
    yield case('content-type', good, 415, content_type='text/plain')
    yield case('too-large', b'', 413, [('Content-Length', '2147483648')])
    yield case('GET', b'', 405, method='GET')
    yield case('unknown-path', good, 404, path='/batches')
    yield odd('unknown-version', GOOD, [('anthropic-version', "' OR 1=1 --")])
    yield bad('no-messages', put(GOOD, ['messages'], DELETE))
    counted = put(GOOD, ['max_tokens'], DELETE)
    yield case('count/not-served', dump(counted), 400, path='/count_tokens')
    many = [{'role': 'user', 'content': 'x'}] * 10000
    yield odd('ten-thousand-messages', put(GOOD, ['messages'], many))
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
