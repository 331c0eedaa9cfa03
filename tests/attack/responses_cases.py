"""Bad and hostile requests of OpenAI's Responses API, as in json_cases.py."""
from json_cases import DELETE, WRONG, JsonCase, dump, put

PATH = '/v1/responses'
GOOD = {
    'model': 'simulated', 'instructions': 's',
    'input': [
        {'role': 'user', 'content': [{'type': 'input_text', 'text': 'hello'}]},
        {'type': 'function_call', 'call_id': 'c', 'name': 't', 'arguments': '{}'},
        {'type': 'function_call_output', 'call_id': 'c', 'output': [{'type': 'input_text', 'text': 'x'}]},
    ],
    'tools': [{'type': 'function', 'name': 't', 'parameters': {'type': 'object'}}],
}
CALL, OUTPUT = ['input', 1], ['input', 2]
# Each member with the types that it may have.
MEMBERS = [
    (['model'], 'string'), (['input'], 'string'), (['input', 0], ''), (['input', 0, 'role'], ''), (['input', 0, 'content'], 'string'),
    (['input', 0, 'content', 0], ''), (['input', 0, 'content', 0, 'type'], ''), (['input', 0, 'content', 0, 'text'], 'string'),
    ([*CALL, 'type'], ''), ([*CALL, 'call_id'], ''), ([*CALL, 'name'], 'string'), ([*CALL, 'arguments'], ''),
    ([*OUTPUT, 'call_id'], ''), ([*OUTPUT, 'output'], 'string'), (['instructions'], 'string null'), (['metadata'], 'object null'),
    (['tools'], 'null'), (['tools', 0], ''), (['tools', 0, 'name'], 'string'), (['tools', 0, 'parameters'], 'object null'),
    (['tool_choice'], 'null'), (['text'], 'object null'), (['text', 'format'], 'null'), (['reasoning'], 'object null'),
    (['temperature'], 'null'), (['top_p'], 'null'), (['max_output_tokens'], 'number null'), (['parallel_tool_calls'], 'true null'),
    (['stream'], 'true null'), (['store'], 'true null'), (['include'], 'array null'), (['previous_response_id'], 'null'),
    (['conversation'], 'null'), (['background'], 'null'), (['prompt'], 'null'),
]


def wrong_types():
    for path, right in MEMBERS:
        for kind, value in WRONG.items():
            if kind not in right.split():
                yield bad(f'type/{".".join(map(str, path))}={kind}', put(GOOD, path, value))


def bad(name, body, want=400):
    return JsonCase(f'responses/{name}', 'bad', dump(body), want=(want,), path=PATH)


def odd(name, body, headers=()):
    return JsonCase(f'responses/{name}', 'odd', dump(body), list(headers), path=PATH, max_seconds=10.0)


def with_part(part):
    return put(GOOD, ['input', 0, 'content', 0], part)


def with_item(item):
    return put(GOOD, ['input'], [GOOD['input'][0], item])


def parts(canary):
    url = f'127.0.0.1:{canary}/x'
    for name, image in {
        'http-url': f'http://{url}', 'file-url': 'file:///etc/passwd', 'no-base64': 'data:image/png;base64,***', 'no-comma': 'data:image/png;base64',
        'object': {'url': f'https://{url}'}, 'none': None,
    }.items():
        yield bad(f'image/{name}', with_part({'type': 'input_image', 'image_url': image}))
    yield odd('image/https-url', with_part({'type': 'input_image', 'image_url': f'https://{url}'}))
    yield odd('image/crlf-type', with_part({'type': 'input_image', 'image_url': 'data:image/png\r\nX-Injected: 1;base64,AAAA'}))
    yield bad('file/http-url', with_part({'type': 'input_file', 'file_url': f'http://{url}'}))
    yield bad('file/id', with_part({'type': 'input_file', 'file_id': '../x'}))
    yield odd('file/crlf-name', with_part({'type': 'input_file', 'filename': 'a\r\nX-Injected: 1', 'file_data': 'data:;base64,AAAA'}))
    yield bad('audio/no-base64', with_part({'type': 'input_audio', 'input_audio': {'format': 'wav', 'data': '***'}}))
    for kind in ['hologram', '', '__proto__', 'output_text', 'x' * 10000]:
        yield bad(f'part/{kind[:12]}', with_part({'type': kind, 'text': 'x'}))
    yield odd('part/text-500k', with_part({'type': 'input_text', 'text': 'y' * 500000}))
    yield odd('part/sse-in-text', with_part({'type': 'input_text', 'text': 'a\r\n\r\nevent: evil\ndata: {}\n\n'}))


def items():
    for kind in ['hologram', '', '__proto__', 'web_search_call', 'mcp_call', 'x' * 10000]:
        yield bad(f'item/{kind[:16]}', with_item({'type': kind}))
    for name, content in {'bad': 'gatehouse.!!', 'no-object': 'gatehouse.NQ', 'deep': 'gatehouse.' + 'W1tb' * 50000, 'foreign': 'gAAAAABo==', 'number': 7}.items():
        yield odd(f'reasoning/{name}', with_item({'type': 'reasoning', 'summary': [], 'encrypted_content': content}))
    for name, ref in {'empty': '', 'unknown': 'msg_aaaaaaaaaaaaaaaa_0', 'crlf': 'msg_a\r\nX: 1_0', 'minus': 'msg_a_-1', 'huge': 'msg_a_' + '9' * 1000, 'long-key': 'msg_' + 'a' * 100000 + '_0'}.items():
        yield bad(f'reference/{name}', with_item({'type': 'item_reference', 'id': ref}), want=404)
    many = [{'type': 'item_reference', 'id': f'msg_{i}_0'} for i in range(20000)]
    yield bad('reference/20000', put(GOOD, ['input'], many), want=404)


def calls():
    many = [{'type': 'function_call', 'call_id': f'c{i}', 'name': 't', 'arguments': '{}'} for i in range(2000)]
    outputs = [{'type': 'function_call_output', 'call_id': f'c{i}', 'output': ''} for i in reversed(range(2000))]
    same = [dict(call, call_id='c') for call in many]
    yield odd('calls/2000-backwards', put(GOOD, ['input'], many + outputs))
    yield odd('calls/2000-of-one-id', put(GOOD, ['input'], same + [dict(output, call_id='c') for output in outputs]))
    yield bad('calls/no-output', put(GOOD, ['input'], GOOD['input'][:2]))
    yield bad('calls/no-call', put(GOOD, ['input'], GOOD['input'][2:]))
    yield bad('calls/output-first', put(GOOD, ['input'], GOOD['input'][::-1]))
    for name, text in {'array': '[1]', 'cut': '{"a": ', 'deep': '[' * 100000, 'text': '"x"'}.items():
        yield bad(f'calls/arguments-{name}', put(GOOD, [*CALL, 'arguments'], text))
    for name, call_id in {'crlf': 'c\r\nX-Injected: 1', 'bad-metadata': 'c_md_eyJ!!', 'deep-metadata': 'c_md_eyJhIjp' + 'b' * 100000, 'unknown-key': 'c_mk_0123456789abcdef', 'mark-alone': '_md_eyJ', 'long': 'c' * 100000}.items():
        yield odd(f'calls/id-{name}', put(put(GOOD, [*CALL, 'call_id'], call_id), [*OUTPUT, 'call_id'], call_id))


def tools():
    function = {'type': 'function', 'name': 'a'}
    for name, given in {
        'twice': [function] * 2, 'crlf-name': [dict(function, name='a\r\nX: 1')], 'name-10k': [dict(function, name='n' * 10000)],
        'web-search': [{'type': 'web_search'}], 'mcp': [{'type': 'mcp', 'server_label': 'a', 'server_url': 'http://127.0.0.1:1/mcp'}],
    }.items():
        yield bad(f'tools/{name}', put(GOOD, ['tools'], given))
    five_thousand = [dict(function, name=f't{i}') for i in range(5000)]
    yield odd('tools/5000', put(GOOD, ['tools'], five_thousand))
    yield odd('tools/5000-allowed', put(put(GOOD, ['tools'], five_thousand), ['tool_choice'], {'type': 'allowed_tools', 'mode': 'auto', 'tools': five_thousand}))
    yield odd('tools/remote-ref', put(GOOD, ['tools', 0, 'parameters'], {'$ref': 'http://127.0.0.1:1/x'}))
    yield odd('tools/of-the-gateway', GOOD, [('X-Gatehouse-Tools', ',,a,' + 'b,' * 2000)])


def others():
    for name, value in {'max_output_tokens': 10 ** 18, 'temperature': 1e300, 'top_p': -1e300}.items():
        yield bad(f'number/{name}', put(GOOD, [name], value))
    for name, raw in [('empty', b''), ('cut', dump(GOOD)[:-3]), ('deep', b'[' * 100000), ('utf8', dump(GOOD).replace(b'hello', b'a\xffb'))]:
        yield JsonCase(f'responses/json/{name}', 'bad', raw, want=(400,), path=PATH)
    yield JsonCase('responses/content-type', 'bad', dump(GOOD), want=(415,), path=PATH, content_type='text/plain')
    yield JsonCase('responses/too-large', 'bad', b'', [('Content-Length', '2147483648')], want=(413,), path=PATH)
    yield JsonCase('responses/GET', 'bad', b'', method='GET', want=(405,), path=PATH)
    yield JsonCase('responses/unknown-path', 'bad', dump(GOOD), want=(404,), path=PATH + '/resp_1/cancel')
    yield bad('nothing', put(GOOD, ['input'], []))
    yield bad('no-input', put(GOOD, ['input'], DELETE))
    yield odd('ten-thousand-messages', put(GOOD, ['input'], [{'role': 'user', 'content': 'x'}] * 10000))
    yield odd('sse-in-metadata', put(put(GOOD, ['stream'], True), ['metadata'], {'a': '\r\n\r\nevent: evil\ndata: {}\n\n'}))
    yield odd('stream', put(GOOD, ['stream'], True))


def all_cases(canary):
    yield odd('good', GOOD)
    yield from wrong_types()
    yield from parts(canary)
    yield from items()
    yield from calls()
    yield from tools()
    yield from others()
    yield odd('good-at-the-end', GOOD)
