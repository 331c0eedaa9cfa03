"""The whole pipeline, as it is installed, under what breaks gateways."""
import concurrent.futures
import contextlib
import hashlib
import hmac
import json
import os
import re
import statistics
import threading
import time

from cases_admin import ADMIN, ask as ask_admin, status
from cases_metrics import counted
from cases_plugins import OTHER, fields
from cases_signals import ask
from cases_start import KEY, PROMPT, check_refused, indiscreet
from checks import PATIENCE, Wrong, check, check_envelope, check_stream, eventually
from client import EXTENSION, Client, body, chat, get, head
from fixture import START_SECONDS, test
from provider import chunk, event
from redis import Redis

PIPELINE = [
    'access-log', 'cors', 'health', 'metrics', 'extension-auth', 'throttler', 'chat', 'tools',
    'workflows', 'cache', 'mcp', 'retry', 'gemini'
]
INSTALLS = {'laptop': 'ghk_MARKED-TOKEN-LAPTOP', 'phone': 'ghk_MARKED-TOKEN-PHONE'}
TOKENS = {
    'tokens': [{'name': name, 'sha256': hashlib.sha256(token.encode()).hexdigest()}
               for name, token in INSTALLS.items()]
}
HMAC_SECRET = 'MARKED-HMAC-SECRET-of-32-bytes-9'
SCHEMAS = [{'name': 'search', 'inputSchema': {'type': 'object'}}]
STREAMS = 300
RELOADS = 10
KILLS = 10
QUESTIONS = 40      # before each kill, half of them answered
FAILURES = 20       # of each kind
# Of start(): of a log in a file, only the line with the address is told on standard output.
LISTENING_IN_FILE = '(until grep -sm1 listening gateway.log; do sleep 0.05; done) & exec "$@"'


def start(f, address, settings={}, **sections):
    """`settings` of plugins, by their names."""
    f.write('workflows.yaml', 'workflows: {brief: {name: Brief, systemPrompt: Be brief.}}')
    settings = {
        'throttler': {'limit': 100_000, 'window': '1h'}, 'workflows': {'file': 'workflows.yaml'},
        'gemini': {'api_key': KEY, 'base_url': f'http://{address}'}, **settings
    }
    f.start(*({name: settings.get(name, {})} for name in PIPELINE), **sections)


def bearer(install):
    return f'Authorization: Bearer {INSTALLS[install]}'


def post(document, **options):
    text = json.dumps(document).encode()
    return head(len(text), **options) + text


def refuse(status, *headers):
    """A provider's script."""
    lines = [f'HTTP/1.1 {status} No', *headers, 'Content-Length: 0', 'Connection: close', '', '']

    def script(call):
        call.sock.sendall('\r\n'.join(lines).encode())
        call.sock.close()
    return script


def at_once(f, requests):
    """The answers."""
    with concurrent.futures.ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(lambda request: f.client(request).answer(), requests))


# ---- Who may ask

@test
def who_is_refused_is_so_before_the_body_and_by_auth_alone(f):
    start(f, '127.0.0.1:1', {'extension-auth': {'ids': [EXTENSION], **TOKENS}}, admin=ADMIN)
    refused = [(401, head(1_000_000, extension=None)),
               (401, head(1_000_000, extension='ABC')),
               (403, head(1_000_000, extension=OTHER, headers=[bearer('laptop')])),
               (401, head(1_000_000)),
               (401, head(1_000_000, headers=[bearer('laptop') + 'x']))]
    for code, request in refused:
        client = f.client(request + b' ' * 1000)
        check_envelope(client.answer(1.0), code)
    calls = {p['name']: p['calls'] for p in status(f)['plugins']}
    auth = PIPELINE.index('extension-auth')
    above = [name for name in PIPELINE[:auth + 1] if name != 'health']  # it has routes alone
    check(all(calls[name] == len(refused) for name in above), 'not all were called:',
          calls)
    check(not any(calls[name] for name in PIPELINE[auth + 1:]), 'plugins below auth were called:',
          calls)


def signed(timestamp=None, nonce='n' * 16, secret=HMAC_SECRET, prompt='Hi'):
    text = body(prompt)
    timestamp = timestamp or str(int(time.time()))
    parts = ['POST', '/api/chat', '', hashlib.sha256(text).hexdigest(), timestamp, nonce]
    signature = hmac.new(secret.encode(), '\n'.join(parts).encode(), 'sha256').hexdigest()
    values = {'Timestamp': timestamp, 'Nonce': nonce, 'Signature': signature}
    return head(len(text),
                headers=[f'X-Gatehouse-{name}: {value}' for name, value in values.items()]) + text


def check_same_refusals(f, requests):
    """All in the same bytes, but for the time and the id of the request."""
    answers = set()
    for request in requests:
        client = f.client(request)
        check_envelope(client.answer(), 401)
        answers.add(re.sub(rb'(Date: |X-Request-Id: |"timestamp":")[^"\r]+', rb'\1', client.data))
    check(len(answers) == 1, 'refusals differ:', *answers)


@test
def whatever_is_wrong_with_a_token_is_refused_in_the_same_bytes(f):
    start(f, '127.0.0.1:1', {'extension-auth': TOKENS})
    wrong = [
        'Bearer ', 'Bearer x', 'Bearer ' + INSTALLS['laptop'][:-1], 'Bearer ' + 'x' * 4000,
        'Basic ' + INSTALLS['laptop']
    ]
    check_same_refusals(f,
                        [chat(), *(chat(headers=[f'Authorization: {value}']) for value in wrong)])


@test
def whatever_is_wrong_with_a_signature_is_refused_in_the_same_bytes(f):
    provider = f.provider(lambda call: call.answer('Hello'))
    start(f, provider.address,
          {'extension-auth': {'hmac': {'secrets': [{'name': 'laptop', 'secret': HMAC_SECRET}]}}})
    check_stream(f.client(signed()).answer())
    again = signed()
    check_same_refusals(f, [
        again,
        signed(nonce='m' * 16, secret='x' * 32),
        signed(timestamp='1'),
        signed(nonce='short'),
        chat()
    ])


@test
def nothing_of_a_client_but_its_chat_reaches_the_provider(f):
    provider = f.provider()
    start(f, provider.address)
    names = [
        'Authorization', 'Cookie', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto',
        'Forwarded', 'X-Real-IP', 'X-Goog-Api-Key', 'X-Goog-User-Project', 'User-Agent', 'Referer',
        'X-Request-Id', 'Traceparent', 'Tracestate', 'X-Anything'
    ]
    client = f.client(chat(headers=[f'{name}: of-the-client' for name in names]))
    call = f.take(provider)
    call.answer('Hello')
    check_stream(client.answer())
    lines = call.head.decode().split('\r\n')[1:]
    got = sorted(line.partition(':')[0].lower() for line in lines)
    check(
        got == [
            'content-length', 'content-type', 'host', 'traceparent', 'user-agent', 'x-goog-api-key'
        ], got)
    check('of-the-client' not in call.head.decode() and f'X-Goog-Api-Key: {KEY}' in lines, lines)


# ---- Secrets

def use_everything(f):
    """Whatever makes the gateway keep or tell something. All that it tells."""
    paths = [
        '/metrics', '/health', '/health/detailed', '/readyz?verbose', '/api/workflows', '/nothing'
    ]
    clients = [
        f.client(signed(nonce=f'nonce-of-chat-{i:04}', prompt=f'{PROMPT} {what}'))
        for i, what in enumerate(['hello', 'refuse', 'fail', 'babble', 'no JSON', 'error inside'])
    ]
    clients.append(f.client(chat(PROMPT, headers=[bearer('laptop')])))
    clients.append(f.client(chat(PROMPT, headers=[bearer('laptop') + 'x'])))
    clients.append(f.client(signed(secret=HMAC_SECRET + 'x')))
    clients.append(
        f.client(
            post({'extensionId': EXTENSION, 'schemas': SCHEMAS},
                 path='/api/tools/sync',
                 headers=[bearer('phone')])))
    clients.append(
        f.client(head(9, headers=[bearer('phone')]) + b'{"' + PROMPT[:6].encode() + b'"'))
    for client in clients:
        client.answer()
    clients += [f.client(get(path)) for path in paths]
    check([client.answer().status
           for client in clients[-len(paths):]] == [200, 200, 200, 200, 401, 404],
          'the answers are others')
    told = [client.data for client in clients]
    for path, options in (('/status', {}), ('/cache/statistics', {}),
                          ('/status', {'Authorization': 'Bearer MARKED-WRONG-TOKEN'})):
        told.append(ask_admin(f, path, **options).body)
    return b'\n'.join(told).decode()


@test
def no_secret_or_prompt_is_in_an_answer_or_in_redis_or_in_a_debug_log(f):
    redis = Redis()
    f.providers.append(redis)
    auth = {**TOKENS, 'hmac': {'secrets': [{'name': 'laptop', 'secret': HMAC_SECRET}]}}
    throttler = {'policies': [{'name': 'client'}, {'name': 'token', 'key': 'header:Authorization'}]}
    retry = {'attempts': 2, 'delay': '10ms', 'breaker': {'failures': 100}}
    start(f,
          f.provider(indiscreet).address,
          {'extension-auth': auth, 'throttler': throttler, 'retry': retry},
          store=redis.url,
          admin=ADMIN,
          log={'level': 'debug'})
    told = {'an answer': use_everything(f), 'Redis': redis.dump().decode(errors='replace')}
    f.stop()
    told['the log'] = '\n'.join(f.gateway.lines)
    there = {'an answer': ['gatehouse_http_requests_total', 'short_circuits'], 'Redis': ['nonce-of-chat-0000', '"hello"', 'search'],
             'the log': ['"user":"laptop"']}
    for where, text in told.items():
        check(all(what in text for what in there[where]),
              f'{where} does not even have {there[where]}')
        check('MARKED' not in text, f'{where} has', *re.findall('.{0,80}MARKED.{0,80}', text)[:1])


# ---- Limits and the cache, by install

@test
def an_install_over_its_limit_is_told_when_to_come_back_and_others_are_served(f):
    provider = f.provider(lambda call: call.answer('Hello'))
    start(f, provider.address,
          {'extension-auth': TOKENS, 'throttler': {'limit': 5, 'window': '1h'}})
    answers = at_once(f, [chat(f'question {i}', headers=[bearer('laptop')]) for i in range(105)])
    refused = [answer for answer in answers if answer.status != 200]
    check(len(refused) == 100, f'{len(refused)} of 105 are refused')
    for answer in refused:
        check_envelope(answer, 429)
        check(3500 < int(fields(answer)['retry-after']) <= 3600, answer.headers)
    check_stream(f.client(chat(headers=[bearer('phone')])).answer())
    check(len(provider.socks) == 6, f'{len(provider.socks)} requests reached the provider')


@test
def installs_of_one_extension_share_no_answer(f):
    provider = f.provider()
    start(f, provider.address, {'extension-auth': TOKENS})
    running = {}
    for install in INSTALLS:    # both are on their way at once
        client = f.client(chat('Same', headers=[bearer(install)]))
        running[install] = client, f.take(provider)
    for install, (client, call) in running.items():
        call.answer(f'for {install}')
        check_stream(client.answer())
    for install in INSTALLS:
        answer = f.client(chat('Same', headers=[bearer(install)])).answer()
        check(
            fields(answer)['x-cache'] == 'hit' and f'for {install}'.encode() in answer.body,
            install, 'gets', answer)


def fail(call, client):
    refuse(400)(call)
    check_stream(client.answer(), '"type":"error"')


def break_off(call, client):
    call.begin()
    call.send('Half')
    client.wait_for('Half')
    call.sock.close()
    check_stream(client.answer(), '"type":"error"')


def cancel(call, client):
    call.begin()
    call.send('Half')
    client.wait_for('Half')
    client.leave()
    check(call.is_gone(1.0), 'the provider answers nobody')


def hit_the_token_limit(call, client):
    call.begin()
    call.sock.sendall(chunk(event('Half', finishReason='MAX_TOKENS')) + chunk(b''))
    check_stream(client.answer())


def call_a_tool(call, client):
    call.begin()
    candidate = {
        'content': {'role': 'model', 'parts': [{'functionCall': {'name': 'search', 'args': {}}}]},
        'finishReason': 'STOP'
    }
    call.sock.sendall(
        chunk(f'data: {json.dumps({"candidates": [candidate]})}\r\n\r\n'.encode()) + chunk(b''))
    check_stream(client.answer())
    check(b'"type":"tool-input-available"' in client.data, client.data)


@test
def nothing_but_a_whole_answer_is_cached(f):
    provider = f.provider()
    start(f, provider.address, {'retry': {'attempts': 1, 'breaker': {'failures': 100}}})
    question = post({**json.loads(body('Same')), 'toolSchemas': SCHEMAS})
    for end in (fail, break_off, cancel, hit_the_token_limit, call_a_tool):
        for _ in range(FAILURES):
            client = f.client(question)
            end(f.take(provider), client)
            check(b'X-Cache: miss' in client.data, f'after {end.__name__}:', client.data)
    client = f.client(question)
    f.take(provider).answer('Whole')
    check_stream(client.answer())
    check(fields(f.client(question).answer())['x-cache'] == 'hit', 'not even a whole answer is')


# ---- A provider that fails

def times_asked(f, retry_after):
    """When a provider was asked that is too busy at first, and when its client had an answer, in
    seconds."""
    times = []

    def script(call):
        times.append(time.monotonic() - began)
        refuse(429, f'Retry-After: {retry_after}')(call) if len(times) == 1 else call.answer('Back')
    start(f, f.provider(script).address)
    began = time.monotonic()
    answer = f.client(chat()).answer()
    return times, time.monotonic() - began, answer


@test
def a_wait_that_the_provider_asks_for_is_kept(f):
    times, _, answer = times_asked(f, retry_after=1)
    check_stream(answer)
    check(len(times) == 2 and 1.0 <= times[1] - times[0] < 2.0, times)


@test
def a_wait_that_is_too_long_is_an_error_at_once(f):
    times, took, answer = times_asked(f, retry_after=120)
    check_stream(answer, '"type":"error"')
    check(len(times) == 1 and took < 0.5, f'asked {len(times)} times, answered after {took:.1f} s')


@test
def a_provider_that_only_fails_is_left_in_peace(f):
    provider = f.provider(refuse(503))
    start(f, provider.address,
          {'retry': {'attempts': 1, 'breaker': {'failures': 5, 'cooldown': '1h'}}})
    times = []
    for i in range(50):
        began = time.monotonic()
        answer = f.client(chat(f'question {i}')).answer()
        if i < 5:
            check_stream(answer, '"type":"error"')
        else:
            check_envelope(answer, 503)
        times.append(time.monotonic() - began)
    check(len(provider.socks) == 5, f'it was asked {len(provider.socks)} times')
    check(
        statistics.median(times[5:]) < 0.05,
        f'it takes {statistics.median(times[5:]) * 1000:.0f} ms to refuse')


@test
def one_client_at_whose_prompt_the_provider_fails_closes_it_to_nobody_else(f):
    def script(call):
        if b'poison' in call.body:
            return refuse(500)(call)
        call.answer('Back')
        call.sock.close()

    start(
        f,
        f.provider(script).address, {
            'extension-auth': TOKENS,
            'retry': {'attempts': 1, 'breaker': {'failures': 2, 'cooldown': '1h'}}
        })
    for _ in range(FAILURES):
        check_stream(
            f.client(chat('poison', headers=[bearer('laptop')])).answer(), '"type":"error"')
    check_stream(f.client(chat(headers=[bearer('phone')])).answer())
    for install in INSTALLS:
        check_stream(f.client(chat('poison', headers=[bearer(install)])).answer(), '"type":"error"')
    check_envelope(f.client(chat('another question', headers=[bearer('phone')])).answer(), 503)
    check('2 failures in a row' in f.client(get('/health/detailed')).answer().body.decode(),
          'the circuit is not open')


# ---- Signals

@test
def streams_through_the_whole_pipeline_end_complete_after_sigterm(f):
    go = threading.Event()

    def script(call):
        number = re.search(rb'number-\d+', call.body)[0].decode()
        call.begin()
        call.send(f'{number} begins')
        go.wait(PATIENCE)
        for i in range(20):
            call.send(f'{number} word {i}')
        call.finish()

    def begin(number):
        client = f.client(chat(f'number-{number}'))
        client.wait_for(f'number-{number} begins')
        return client

    def end(number, client):
        """The answer with what differs from that of others taken out."""
        answer = client.answer()
        check_stream(answer)
        return re.sub(rb'"createdAt":\d+', b'', answer.body).replace(f'number-{number} '.encode(),
                                                                     b'')

    start(f, f.provider(script).address)
    first = begin(STREAMS)
    go.set()
    undisturbed = end(STREAMS, first)
    go.clear()
    clients = [begin(number) for number in range(STREAMS)]
    f.gateway.signal('TERM')
    f.wait_refused()
    go.set()
    changed = [
        number for number, client in enumerate(clients) if end(number, client) != undisturbed
    ]
    check(not changed, f'streams {changed} are not what they are without SIGTERM')
    f.ends(0)


@test
def reloads_of_the_whole_pipeline_fail_no_request_and_forget_no_count(f):
    start(f, f.provider(lambda call: call.answer('Hello')).address, admin=ADMIN)
    done, asked = threading.Event(), [0] * 4

    def load(index):
        client = Client(f.gateway.address)
        while not done.is_set():
            if index % 2:           # every other thread takes a new connection for each request
                client.leave()
                client = Client(f.gateway.address)
            asked[index] += 1
            check_stream(ask(client, chat(
                f'question {asked[index] // 2} of {index}')))    # each one twice: the cache has it
        client.leave()

    with concurrent.futures.ThreadPoolExecutor() as pool:
        threads = [pool.submit(load, index) for index in range(len(asked))]
        try:
            last = None
            for _ in range(RELOADS):
                before = list(asked)
                f.gateway.signal('HUP')
                eventually(lambda: status(f).get('reload', last) != last, PATIENCE, 'not reloaded')
                last = status(f)['reload']
                check(last['ok'], last)
                eventually(
                    lambda: any(thread.done()
                                for thread in threads) or all(now > then
                                                              for now, then in zip(asked, before)),
                    PATIENCE, 'the load stands still')
        finally:
            done.set()
    for thread in threads:
        thread.result()
    rate = fields(f.client(chat()).answer())['ratelimit']
    check(f'r={100_000 - sum(asked) - 1};' in rate, f'after {sum(asked)} requests and one more:',
          rate)
    check(
        counted(f, '/api/chat', 'POST', 200) == str(sum(asked) + 1),
        'they are not all in the metrics')


# ---- Kills

def answer_of(number):
    return [f'{number} word {i} ' + 'x' * 2000 for i in range(20)]


def ask_until_killed(f, numbers):
    answered = []

    def one(number):
        with contextlib.suppress(Wrong, OSError):   # killed
            f.client(chat(f'question {number}')).answer()
            answered.append(number)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        pool.map(one, numbers)
        eventually(lambda: len(answered) >= len(numbers) / 2, PATIENCE, 'they are not answered')
        f.gateway.process.kill()
        f.gateway.process.wait()


@test
def what_was_kept_before_a_kill_is_whole_or_absent(f):
    redis = Redis()
    f.providers.append(redis)
    provider = f.provider(
        lambda call: call.answer(*answer_of(int(re.search(rb'question (\d+)', call.body)[1]))))
    hits = 0
    for kill in range(KILLS):
        numbers = range(kill * QUESTIONS, (kill + 1) * QUESTIONS)
        start(f, provider.address, store=redis.url)
        ask_until_killed(f, numbers)

        began = time.monotonic()
        start(f, provider.address, store=redis.url)
        check(time.monotonic() - began < START_SECONDS, 'after a kill the start takes too long')
        for number in numbers:
            answer = f.client(chat(f'question {number}')).answer()
            check_stream(answer)
            text = ''.join(re.findall('"delta":"([^"]*)"', answer.body.decode()))
            check(text == ''.join(answer_of(number)) + '.',
                  f'question {number}, a {fields(answer)["x-cache"]}, is answered', text)
            hits += fields(answer)['x-cache'] == 'hit'
        f.stop()
    check(hits >= KILLS * QUESTIONS / 4, f'only {hits} answers were kept')


# ---- Starts

@test
def a_missing_key_is_told(f):
    check_refused(f, f.configure('chat', {'gemini': {'api_key': '${NO_SUCH_KEY}'}}), 'config.yaml',
                  '`NO_SUCH_KEY` is not set')


@test
def a_file_that_is_no_plugin_is_told(f):
    f.write('broken.so', 'This is no shared object.')
    check_refused(f, f.configure('health', {'broken': {}, 'path': 'broken.so'}), 'config.yaml',
                  'broken.so')


@test
def nobody_in_a_read_only_folder_without_a_home_can_run_it(f):
    nowhere = f.folder / 'nowhere'
    nowhere.mkdir()
    nowhere.chmod(0o555)
    f.folder.chmod(0o755)
    provider = f.provider(lambda call: call.answer('Hello'))
    become = 'setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs' if os.getuid(
    ) == 0 else ''    # nobody, nogroup
    start(f, provider.address, shell=f'cd nowhere; ulimit -c 0; unset HOME; exec {become} "$@"')
    check(os.stat(f'/proc/{f.pid}').st_uid != 0, 'it runs as root')
    check_stream(f.client(chat()).answer())
    f.gateway.signal('HUP')
    f.logged(message='reloaded')
    check_stream(f.client(chat('Again')).answer())
    check(not list(nowhere.iterdir()), 'it has written something')


# ---- The log

@test
def a_full_disk_for_the_log_holds_up_no_request_and_is_told_once(f):
    f.start('access-log', 'health', log={'file': 'gateway.log'}, shell=LISTENING_IN_FILE)
    log, before = f.folder / 'gateway.log', f.folder / 'gateway.log.1'
    log.rename(before)
    log.symlink_to('/dev/full')
    f.gateway.signal('USR1')
    asked, client, until = 0, f.client(
    ), time.monotonic() + 2.5    # the gateway tries again each second
    while time.monotonic() < until:
        began = time.monotonic()
        check(ask(client, get(f'/{asked}')).status == 404, 'not answered as with room on the disk')
        check(time.monotonic() - began < 1.0, 'the log holds up a request')
        asked += 1
        time.sleep(0.01)
    told = [line for line in f.gateway.lines if 'No space left on device' in line]
    check(len(told) == 1, 'it says:', told)
    log.unlink()
    f.gateway.signal('USR1')    # there is room again
    f.stop()
    paths = re.findall(r'"message":"→ GET /(\d+)"', before.read_text() + log.read_text())
    check(paths == [str(i) for i in range(asked)],
          f'{len(paths)} of {asked} records are in the log')
