"""A client that leaves while its chat is answered gets the whole response when it comes back."""
import json
import re
import signal
import threading

from cases_admin import ADMIN
from cases_budget import USED, finish_counted, used
from cases_metrics import metrics
from checks import PATIENCE, check, check_stream, eventually
from client import EXTENSION, body, head
from fixture import Fixture, gemini, test
from rawhttp import split_responses
from redis import Redis

CUT = 200
AT_ONCE = 20
CUT_AFTER = 3           # events
SOON = 2.0              # seconds in which a model must be stopped
STRANGER = 'p' * 32


def ask(chat, prompt='Hi', **options):
    text = json.dumps({'id': chat, **json.loads(body(prompt))}).encode()
    return head(len(text), **options) + text


def on_stream(chat, method='GET', extension=EXTENSION, headers=()):
    lines = [
        f'{method} /api/chat/{chat}/stream HTTP/1.1', 'Host: localhost',
        f'X-Extension-ID: {extension}', *headers
    ]
    return '\r\n'.join([*lines, '', '']).encode()


def resuming(address, resume='1m', **chat):
    """The plugins of a chat that can be resumed, whose provider is played at `address`."""
    return [
        'access-log', 'metrics',
        *({'chat': {'resume': resume, **chat}} if plugin == 'chat' else plugin
          for plugin in gemini(address))
    ]


def received(client):
    """The body so far."""
    answers = split_responses(client.data, True)
    return answers[0].body if answers else b''


def without_time(stream):
    return re.sub(rb'"createdAt":\d+', b'', stream)


def begun(f, provider, chat='c1', word='one'):
    """A client that has received a word of the response to its chat, and the call of the model."""
    client = f.client(ask(chat))
    call = f.take(provider)
    call.begin()
    call.send(word)
    client.wait_for(word)
    return client, call


def check_nothing(f, request, address=None):
    status = f.client(request, address).answer().status
    check(status == 204, f'{status} instead of 204')


# ---- The same bytes


@test
def a_stream_that_was_cut_is_resumed_byte_for_byte(f):
    f.start('extension-auth', {'chat': {'resume': '1m'}},
            {'simulator': {'word_delay': '5ms', 'intended': True}})
    prompt = ' '.join(f'word{i}' for i in range(30))
    whole = without_time(f.client(ask('uncut', prompt)).answer().body)
    wrong, todo = [], iter(range(CUT))

    def cut_and_resume():
        for number in todo:
            client = f.client(ask(f'c{number}', prompt))
            client.wait(lambda: received(client).count(b'\n\n') >= CUT_AFTER, 'for events')
            client.leave('RST' if number % 2 else 'FIN')
            before = received(client)
            resumed = f.client(on_stream(f'c{number}')).answer()
            check_stream(resumed)
            same = resumed.body.startswith(before) and without_time(resumed.body) == whole
            if not same:
                wrong.append(resumed.body)

    run_at_once(cut_and_resume)
    check(not wrong, f'{len(wrong)} of {CUT} streams differ, one is', wrong[:1])


def run_at_once(work):
    """`work` on AT_ONCE threads, which share what it iterates over."""
    lock, failures = threading.Lock(), []

    def guarded():
        try:
            work()
        except Exception as e:      # of a thread: told by the one that waits for it
            with lock:
                failures.append(e)
    threads = [threading.Thread(target=guarded) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@test
def a_response_is_followed_live_from_its_first_byte_by_all_who_resume_it(f):
    provider = f.provider()
    f.start(*resuming(provider.address))
    client, call = begun(f, provider)
    client.leave()
    readers = [f.client(on_stream('c1')) for _ in range(2)]
    for reader in readers:
        reader.wait_for('one')
    call.send('two')
    for reader in readers:
        reader.wait_for('two')
    call.finish()
    answers = [reader.answer() for reader in readers]
    for answer in answers:
        check_stream(answer)
        check(answer.header('x-vercel-ai-ui-message-stream') == 'v1', 'the header is missing')
    check(answers[0].body == answers[1].body, 'they differ:', answers[0].body, answers[1].body)
    check(answers[0].body.startswith(received(client)), 'it is another stream')
    check_nothing(f, on_stream('c1'))


@test
def a_response_that_ended_meanwhile_is_there_until_it_has_been_received(f):
    provider = f.provider()
    f.start(*resuming(provider.address))
    client, call = begun(f, provider)
    client.leave()
    call.send('two')
    call.finish()
    f.logged(message='200 POST /api/chat', outcome='left', after_client_left='completed',
             finish_reason='stop')
    resumed = f.client(on_stream('c1')).answer()
    check_stream(resumed)
    check(b'"delta":"two"' in resumed.body, 'the rest is missing:', resumed.body)
    check_nothing(f, on_stream('c1'))
    values = metrics(f)[0]
    check(values['gatehouse_chat_left_total{plugin="chat",result="completed"}'] == '1', values)
    check(values['gatehouse_chat_resumes_total{plugin="chat",result="resumed"}'] == '1', values)
    check(values['gatehouse_chat_resumes_total{plugin="chat",result="none"}'] == '1', values)


@test
def what_a_client_has_received_is_not_sent_again(f):
    provider = f.provider()
    f.start(*resuming(provider.address))
    client, call = begun(f, provider)
    call.finish()
    check_stream(client.answer())
    check_nothing(f, on_stream('c1'))


@test
def a_second_page_follows_while_the_first_one_reads(f):
    provider = f.provider()
    f.start(*resuming(provider.address))
    client, call = begun(f, provider, chat='a b')
    reader = f.client(on_stream('a%20b'))
    reader.wait_for('one')
    call.finish()
    check(reader.answer().body == client.answer().body, 'they differ')


# ---- Whose it is


@test
def nobody_else_can_resume_or_stop_a_response(f):
    provider = f.provider()
    f.start(*resuming(provider.address))
    client, call = begun(f, provider)
    client.leave()
    for other in ({'extension': STRANGER}, {'headers': ['Authorization: Bearer x']},
                  {'headers': ['Cookie: a=b']}):
        check_nothing(f, on_stream('c1', **other))
        check_nothing(f, on_stream('c1', 'DELETE', **other))
    for name in ('c2', 'c1%00', 'C1'):
        check_nothing(f, on_stream(name))
    call.send('two')
    call.finish()
    check_stream(f.client(on_stream('c1')).answer())


@test
def a_new_message_takes_the_place_of_a_response_that_nobody_reads(f):
    provider = f.provider()
    f.start(*resuming(provider.address))
    client, call = begun(f, provider)
    client.leave()
    client, second = begun(f, provider, word='second')
    check(call.is_gone(SOON), 'the model goes on for nobody')
    client.leave()
    second.finish()
    resumed = f.client(on_stream('c1')).answer()
    check_stream(resumed)
    check(b'second' in resumed.body and b'"one"' not in resumed.body, resumed.body)


# ---- When the model must stop


@test
def a_stop_ends_the_model_after_its_client_has_left(f):
    provider = f.provider()
    f.start(*resuming(provider.address))
    client, call = begun(f, provider)
    client.leave()
    reader = f.client(on_stream('c1'))
    reader.wait_for('one')
    check_nothing(f, on_stream('c1', 'DELETE'))
    check(call.is_gone(SOON), 'the model goes on')
    check_stream(reader.answer(), '"type":"abort"')
    check_nothing(f, on_stream('c1'))
    f.logged(message='200 POST /api/chat', outcome='left', after_client_left='stopped')


@test
def a_stop_ends_the_stream_of_a_client_that_is_still_there(f):
    provider = f.provider()
    f.start(*resuming(provider.address))
    client, call = begun(f, provider)
    check_nothing(f, on_stream('c1', 'DELETE'))
    call.send('two')
    answer = client.answer()
    check_stream(answer, '"type":"abort"')
    check(b'two' not in answer.body, 'it goes on:', answer.body)
    check(call.is_gone(SOON), 'the model goes on')
    f.logged(message='200 POST /api/chat', outcome='ok', stopped=True)


@test
def a_chat_that_nobody_resumes_ends(f):
    provider = f.provider()
    f.start(*resuming(provider.address, resume='500ms'))
    client, call = begun(f, provider)
    client.leave()
    check(not call.is_gone(0.3), 'it ended at once')
    check(call.is_gone(SOON), 'the model goes on')
    f.logged(message='200 POST /api/chat', outcome='left', after_client_left='expired')
    check_nothing(f, on_stream('c1'))


@test
def the_time_begins_anew_when_a_reader_leaves(f):
    provider = f.provider()
    f.start(*resuming(provider.address, resume='500ms'))
    client, call = begun(f, provider)
    client.leave()
    reader = f.client(on_stream('c1'))
    reader.wait_for('one')
    check(not call.is_gone(1.0), 'it ended though somebody reads')
    reader.leave()
    check(call.is_gone(SOON), 'the model goes on')


@test
def above_the_limit_of_running_chats_leaving_ends_a_chat(f):
    provider = f.provider()
    f.start(*resuming(provider.address, resume_running=1))
    first, kept = begun(f, provider, chat='c1')
    second, ended = begun(f, provider, chat='c2')
    first.leave()
    eventually(
        lambda: metrics(f)[0].get('gatehouse_chat_running_without_client{plugin="chat"}') == '1',
        PATIENCE, 'it is not counted')
    second.leave()
    check(ended.is_gone(SOON), 'the second model goes on')
    f.logged(message='200 POST /api/chat', after_client_left='too_many')
    kept.finish()
    check_stream(f.client(on_stream('c1')).answer())


@test
def a_response_over_the_limit_is_one_without_resuming(f):
    provider = f.provider()
    f.start(*resuming(provider.address, resume_buffer='4KiB'))
    client, call = begun(f, provider)
    call.send('x' * 5000)
    client.wait_for('xxx"')
    check_nothing(f, on_stream('c1'))
    client.leave()
    check(call.is_gone(SOON), 'the model goes on')
    f.logged(message='200 POST /api/chat', after_client_left='too_long')


@test
def who_reads_already_follows_a_response_over_the_limit(f):
    provider = f.provider()
    f.start(*resuming(provider.address, resume_buffer='4KiB'))
    client, call = begun(f, provider)
    client.leave()
    reader = f.client(on_stream('c1'))
    reader.wait_for('one')
    for number in range(10):
        call.send(f'{number}:' + 'x' * 1000)
        reader.wait_for(f'{number}:')
    check_nothing(f, on_stream('c1'))
    call.finish()
    check_stream(reader.answer())


@test
def the_sum_of_all_responses_is_bounded(f):
    provider = f.provider()
    f.start(*resuming(provider.address, resume_buffer='8KiB', resume_memory='8KiB'))
    first, kept = begun(f, provider, chat='c1')
    kept.send('x' * 5000)
    first.wait_for('xxx"')
    second, ended = begun(f, provider, chat='c2')
    first.leave()
    second.leave()
    check(ended.is_gone(SOON), 'the second model goes on')
    kept.finish()
    check_stream(f.client(on_stream('c1')).answer())


@test
def without_the_setting_leaving_ends_a_chat(f):
    provider = f.provider()
    f.start(*resuming(provider.address, resume='0s'))
    client, call = begun(f, provider)
    client.leave()
    check(call.is_gone(SOON), 'the model goes on')
    check_nothing(f, on_stream('c1'))
    check_nothing(f, on_stream('c1', 'DELETE'))


# ---- The gateway around it


@test
def a_chat_runs_on_below_a_cache(f):
    """Which shares responses as well, and wants none when nobody follows."""
    provider = f.provider()
    pipeline = resuming(provider.address)
    f.start(*pipeline[:-1], 'cache', 'retry', pipeline[-1])
    client, call = begun(f, provider)
    client.leave()
    check(not call.is_gone(0.5), 'the cache ended it')
    call.send('two')
    call.finish()
    check_stream(f.client(on_stream('c1')).answer())


@test
def a_budget_pays_for_the_whole_chat(f):
    provider = f.provider()
    *above, model = resuming(provider.address)
    budget = {'limits': [{'for': 'everyone', 'per': 'month', 'tokens': 10 * USED}]}
    f.start(*above, {'budget': budget}, model, admin=ADMIN)
    client, call = begun(f, provider)
    client.leave()
    finish_counted(call)
    f.logged(message='200 POST /api/chat', after_client_left='completed', total_tokens=USED)
    check(used(f) == USED, f'{used(f)} instead of {USED}')


@test
def a_failure_after_the_client_has_left_is_resumed_too(f):
    provider = f.provider()
    f.start(*resuming(provider.address))
    client, call = begun(f, provider)
    client.leave()
    reader = f.client(on_stream('c1'))
    reader.wait_for('one')
    call.sock.close()
    check_stream(reader.answer(), '"type":"error"')
    f.logged(message='200 POST /api/chat', after_client_left='failed')


@test
def a_response_is_resumed_across_a_reload(f):
    provider = f.provider()
    f.start(*resuming(provider.address))
    client, call = begun(f, provider)
    client.leave()
    f.gateway.signal('HUP')
    f.logged(message='reloaded')
    reader = f.client(on_stream('c1'))
    reader.wait_for('one')
    call.send('two')
    reader.wait_for('two')
    call.finish()
    check_stream(reader.answer())
    check_nothing(f, on_stream('c1'))


@test
def a_drain_waits_for_chats_that_run_on(f):
    provider = f.provider()
    f.start(*resuming(provider.address))
    client, call = begun(f, provider)
    client.leave()
    reader = f.client(on_stream('c1'))
    reader.wait_for('one')
    f.gateway.signal('TERM')
    f.wait_refused()
    call.send('two')
    call.finish()
    check_stream(reader.answer())
    f.ends(0)


@test
def the_end_of_a_drain_ends_chats_that_run_on(f):
    provider = f.provider()
    f.start(*resuming(provider.address), shutdown={'grace': '500ms'})
    client, call = begun(f, provider)
    client.leave()
    reader = f.client(on_stream('c1'))
    reader.wait_for('one')
    f.gateway.signal('TERM')
    check(call.is_gone(SOON), 'the model goes on')
    check_stream(reader.answer(), '"type":"error"')
    f.ends(0)


# ---- Several gateways


def two_gateways(f, provider):
    """Another one with the same Redis as that of `f`."""
    redis, other = Redis(), Fixture(f.binary)
    f.providers.append(redis)
    for gateway in (f, other):
        gateway.start(*resuming(provider.address, resume_shared=True), store=redis.url)
    return redis, other


@test
def a_response_is_resumed_at_another_gateway(f):
    provider = f.provider()
    redis, other = two_gateways(f, provider)
    with other:
        client, call = begun(f, provider)
        client.leave()
        reader = f.client(on_stream('c1'), other.gateway.address)
        reader.wait_for('one')
        call.send('two')
        reader.wait_for('two')
        check_nothing(f, on_stream('c1', extension=STRANGER), other.gateway.address)
        call.finish()
        resumed = reader.answer()
        check_stream(resumed)
        check(resumed.body.startswith(received(client)), 'it is another stream')
        for gateway in (f, other):
            check_nothing(f, on_stream('c1'), gateway.gateway.address)


@test
def a_response_that_has_ended_is_resumed_at_another_gateway(f):
    provider = f.provider()
    redis, other = two_gateways(f, provider)
    with other:
        client, call = begun(f, provider)
        client.leave()
        call.send('x' * 200_000)
        call.finish()
        f.logged(message='200 POST /api/chat', after_client_left='completed')
        resumed = f.client(on_stream('c1'), other.gateway.address).answer()
        check_stream(resumed)
        check(b'x' * 200_000 in resumed.body, f'{len(resumed.body)} bytes')


@test
def a_stop_at_another_gateway_ends_the_model(f):
    provider = f.provider()
    redis, other = two_gateways(f, provider)
    with other:
        client, call = begun(f, provider)
        client.leave()
        reader = f.client(on_stream('c1'), other.gateway.address)
        reader.wait_for('one')
        check_nothing(f, on_stream('c1', 'DELETE'), other.gateway.address)
        check(call.is_gone(PATIENCE), 'the model goes on')
        check_stream(reader.answer(), '"type":"abort"')


@test
def a_new_message_at_another_gateway_takes_the_place_of_a_response(f):
    provider = f.provider()
    redis, other = two_gateways(f, provider)
    with other:
        client, call = begun(f, provider)
        client.leave()
        client = f.client(ask('c1'), other.gateway.address)
        f.take(provider).answer('second')
        check_stream(client.answer())
        check(call.is_gone(PATIENCE), 'the model goes on for nobody')
        for gateway in (f, other):
            check_nothing(f, on_stream('c1'), gateway.gateway.address)


@test
def who_resumes_a_response_of_a_gateway_that_has_died_gets_an_error(f):
    provider = f.provider()
    redis, other = two_gateways(f, provider)
    with other:
        client, call = begun(other, provider)
        client.leave()
        reader = f.client(on_stream('c1'))
        reader.wait_for('one')
        other.gateway.signal('KILL')
        other.ends(-signal.SIGKILL)
        check_stream(reader.answer(15.0), '"type":"error"')


@test
def without_redis_a_response_is_resumed_where_it_runs(f):
    provider = f.provider()
    redis, other = two_gateways(f, provider)
    with other:
        redis.stop()
        client, call = begun(f, provider)
        client.leave()
        reader = f.client(on_stream('c1'))
        reader.wait_for('one')
        call.finish()
        check_stream(reader.answer())
        f.logged(level='warn', message='the store is unavailable: responses can be resumed only')
