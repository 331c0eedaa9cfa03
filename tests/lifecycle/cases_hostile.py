"""Servers of the three APIs that send what no server should: the gateway neither crashes nor hangs
nor keeps it all, half a response is never shown as a whole one, and the next chat works."""
import json

from checks import check, check_stream
from client import chat
from fixture import test
from provider import HEAD, chunk

MOST_MB = 250       # of the gateway, which reads events of up to 64 MiB
HUGE = 80 << 20
LAST_OF_A_RESPONSE = '"type":"finish"'
LAST_OF_A_FAILURE = '"type":"error"'


def sse(*data, name=None):
    head = f'event: {name}\n' if name else ''
    return b''.join(f'{head}data: {d if isinstance(d, str) else json.dumps(d)}\n\n'.encode()
                    for d in data)


# ---- OpenAI


def delta(members=None, **choice):
    return {'object': 'chat.completion.chunk',
            'choices': [{'index': 0, 'delta': members or {}, **choice}]}


def piece(arguments, **members):
    return {'tool_calls': [{'id': 'c', 'function': {'name': 'f', 'arguments': arguments},
                            **members}]}


WORD = sse(delta({'content': 'word'}))
DONE = sse(delta(finish_reason='stop'), '[DONE]')

OPENAI_FAILURES = {
    'a line without end': [WORD, b'data: "', *[b'a' * (1 << 20)] * (HUGE >> 20)],
    'an event without end': [WORD, *[b'data: a\n' * (1 << 17)] * (HUGE >> 20)],
    'nested too deep': [WORD, sse('{"choices":' + '[' * 100000)],
    'a byte that is no UTF-8': [WORD, b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n', DONE],
    'choices of another type': [WORD, sse({'choices': {'0': {}}}), DONE],
    'a delta of another type': [WORD, sse({'choices': [{'delta': []}]}), DONE],
    'a text of another type': [WORD, sse(delta({'content': 5})), DONE],
    'calls of another type': [WORD, sse(delta({'tool_calls': {'0': {}}})), DONE],
    'a call without a name': [WORD, sse(delta({'tool_calls': [{'index': 0, 'id': 'c'}]})), DONE],
    'something else': [WORD, sse({'weather': 'fine'}), DONE],
    'only the beginning': [WORD],
    'nothing': [],
    'an error and then an end': [WORD, sse({'error': {'message': 'SECRET'}}), DONE],
    'arguments without end': [sse(delta(piece('{"a":"'))),
                              *[sse(delta(piece('a' * 65536, id=None)))] * (HUGE >> 16)],
    'calls without end': [sse(*[delta(piece('', index=i, id=f'c{i}')) for i in range(50000)])],
}
OPENAI_RESPONSES = {
    'a character in two pieces': [WORD, b'data: {"choices":[{"delta":{"content":"\xe2\x82',
                                  b'\xac"}}]}\n\n', DONE],
    'huge indices': [sse(*[delta(piece('{}', index=i, id=f'c{i}'))
                           for i in (1 << 31, (1 << 63) - 1, -1, -(1 << 63))]), DONE],
    'indices of another type': [sse(delta(piece('{}', index='1')), delta(piece('{}', index=1e300))),
                                DONE],
    'negative counts': [WORD, sse({'choices': [], 'usage': {
        'prompt_tokens': -5, 'completion_tokens': 1e300, 'total_tokens': 'many'}}), DONE],
    'fields of another type': [WORD, sse(delta({'reasoning_content': [1], 'refusal': 7,
                                                'annotations': 'x'}, finish_reason=9)), DONE],
    'more after the end': [WORD, DONE, WORD, sse({'error': 'late'})],
}

# ---- Anthropic


def start(**usage):
    return {'type': 'message_start', 'message': {'id': 'm', 'usage': usage}}


def block(index=0, **members):
    return {'type': 'content_block_start', 'index': index, 'content_block': members}


def change(kind, text, index=0):
    member = {'text': 'text', 'input_json': 'partial_json', 'signature': 'signature'}[kind]
    return {'type': 'content_block_delta', 'index': index,
            'delta': {'type': f'{kind}_delta', member: text}}


def stopped(index=0):
    return {'type': 'content_block_stop', 'index': index}


def use(index, name='f'):
    return block(index, type='tool_use', id=f'c{index}', name=name, input={})


BEGIN = sse(start(input_tokens=3), block(type='text', text=''), change('text', 'word'))
REASON = {'type': 'message_delta', 'delta': {'stop_reason': 'end_turn'}}
END = sse(stopped(), REASON, {'type': 'message_stop'})

ANTHROPIC_FAILURES = {
    'a line without end': [BEGIN, b'data: "', *[b'a' * (1 << 20)] * (HUGE >> 20)],
    'nested too deep': [BEGIN, sse('{"type":' + '[' * 100000)],
    'a byte that is no UTF-8': [BEGIN, b'data: {"type":"\xff"}\n\n', END],
    'an event without a type': [BEGIN, sse({}), END],
    'an event that is a list': [BEGIN, sse([]), END],
    'a block without content': [BEGIN, sse({'type': 'content_block_start', 'index': 1}), END],
    'a delta of another type': [BEGIN, sse({'type': 'content_block_delta', 'delta': 'x'}), END],
    'a text of another type': [BEGIN, sse(change('text', 5)), END],
    'a call without a name': [BEGIN, sse(use(1, name='')), END],
    'a call that is not closed': [BEGIN, sse(use(1), change('input_json', '{"a":', 1)), END],
    'only the beginning': [BEGIN],
    'nothing': [],
    'an error and then an end': [BEGIN, sse({'type': 'error', 'error': {'type': 'api_error',
                                                                       'message': 'SECRET'}}), END],
    'arguments without end': [BEGIN, sse(use(1), change('input_json', '{"a":"', 1)),
                              *[sse(change('input_json', 'a' * 65536, 1))] * (HUGE >> 16)],
    'blocks without end': [BEGIN, sse(*[use(i) for i in range(1, 50000)])],
}
ANTHROPIC_RESPONSES = {
    'a character in two pieces': [BEGIN, b'data: {"type":"content_block_delta","index":0,"delta":'
                                  b'{"type":"text_delta","text":"\xe2\x82', b'\xac"}}\n\n', END],
    'kinds that are unknown': [BEGIN, sse({'type': 'weather'}, block(1, type='hologram'),
                                          {'type': 'content_block_delta', 'index': 1,
                                           'delta': {'type': 'hue_delta'}}, stopped(1)), END],
    'a second start': [BEGIN, sse(start(input_tokens=4)), END],
    'a second stop of a block': [BEGIN, sse(stopped(), stopped(), stopped(7)), END],
    'a delta after its block': [BEGIN, sse(stopped(), change('text', 'late')), END],
    'huge indices': [BEGIN, sse(*[e for i in (1 << 31, (1 << 63) - 1, -1, -(1 << 63))
                                  for e in (use(i), stopped(i))]), END],
    'indices of another type': [BEGIN, sse({**stopped(), 'index': 'x'}, {**stopped(), 'index': {}}),
                                END],
    'negative counts': [sse(start(input_tokens=-5, cache_read_input_tokens=-(1 << 63),
                                  output_tokens=1e300)), BEGIN, END],
    'fields of another type': [sse({'type': 'message_start', 'message': []}), BEGIN, sse(
        {'type': 'message_delta', 'delta': 7, 'usage': []}), END],
    'more after the end': [BEGIN, END, sse({'type': 'error', 'error': {'type': 'late'}})],
}

# ---- Gemini


def parts(*given, **candidate):
    return sse({'candidates': [{'content': {'role': 'model', 'parts': given}, **candidate}]})


SAID = parts({'text': 'word'})
STOP = parts(finishReason='STOP')

GEMINI_FAILURES = {
    'a line without end': [SAID, b'data: "', *[b'a' * (1 << 20)] * (HUGE >> 20)],
    'nested too deep': [SAID, sse('{"candidates":' + '[' * 100000)],
    'a byte that is no UTF-8': [SAID, b'data: {"candidates":["\xff"]}\n\n', STOP],
    'candidates of another type': [SAID, sse({'candidates': {}}), STOP],
    'parts of another type': [SAID, sse({'candidates': [{'content': {'parts': {}}}]}), STOP],
    'a text of another type': [SAID, parts({'text': 5}), STOP],
    'a call without a name': [SAID, parts({'functionCall': {'args': {}}}), STOP],
    'only the beginning': [SAID],
    'nothing': [],
    'an error and then an end': [SAID, sse({'error': {'code': 500, 'message': 'SECRET'}}), STOP],
    'calls without end': [SAID, *[parts(*[{'functionCall': {'name': 'f'}}] * 1000)] * 50],
}
GEMINI_RESPONSES = {
    'a character in two pieces': [SAID, b'data: {"candidates":[{"content":{"parts":[{"text":"\xe2',
                                  b'\x82\xac"}]}}]}\n\n', STOP],
    'kinds that are unknown': [SAID, parts({'hologram': {}}), sse({'weather': 'fine'}), STOP],
    'negative counts': [SAID, sse({'usageMetadata': {'promptTokenCount': -(1 << 63),
                                                    'candidatesTokenCount': 1e300}}), STOP],
}


def prompt_of(call):
    return next(word for word in call.body.decode().split('"') if word.startswith('case: '))


def check_hostile(f, provider, model, failures, responses):
    """`provider`: the plugin; `failures`: streams that must fail; `responses`: those that must
    not."""
    streams = {f'case: {name}': pieces for name, pieces in {**failures, **responses}.items()}

    def serve(call):
        call.sock.sendall(HEAD)
        for data in streams[prompt_of(call)]:
            call.sock.sendall(chunk(data))
        call.sock.sendall(chunk(b''))

    address = f.provider(serve).address
    f.start('health', 'extension-auth',
            {'chat': {'models': ['*'], 'default_model': model, 'send_reasoning': False}},
            {provider: {'api_key': 'key', 'base_url': f'http://{address}', 'probe_interval': '1h',
                        'first_byte_timeout': '5s', 'idle_timeout': '5s'}})
    for name in [*failures, *responses]:
        answer = f.client(chat(f'case: {name}')).answer()
        try:
            check_stream(answer, LAST_OF_A_FAILURE if name in failures else LAST_OF_A_RESPONSE)
        except Exception as wrong:
            raise type(wrong)(f'{name}: {wrong}') from None
        check(b'SECRET' not in answer.body, name, 'shows what the upstream has sent')
    check(f.is_sanitized() or f.peak_mb() < MOST_MB, 'the gateway took', f.peak_mb(), 'MB')
    f.check_healthy()


@test
def a_hostile_server_of_openais_api_harms_nobody(f):
    check_hostile(f, 'openai', 'gpt-4.1', OPENAI_FAILURES, OPENAI_RESPONSES)


@test
def a_hostile_server_of_anthropics_api_harms_nobody(f):
    check_hostile(f, 'anthropic', 'claude-haiku-4-5', ANTHROPIC_FAILURES, ANTHROPIC_RESPONSES)


@test
def a_hostile_server_of_geminis_api_harms_nobody(f):
    check_hostile(f, 'gemini', 'gemini-2.5-flash', GEMINI_FAILURES, GEMINI_RESPONSES)
