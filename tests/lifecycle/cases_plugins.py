"""The plugins together: what an operator and a client see of limits, retries, caches and a store
that is down."""
import concurrent.futures
import json
import string
import time

from checks import PATIENCE, check, check_envelope, check_stream, eventually
from client import EXTENSION, Client, body, chat, get, head
from fixture import Fixture, gemini, simulator, test
from redis import Line, Redis

OTHER = 'p' * 32
LIMITED = {'throttler': {'limit': 100, 'window': '2s'}}


def limited(throttler, *below):
    return ['extension-auth', {'throttler': throttler}, *(below or simulator()[1:])]


def fields(answer):
    return {name.lower(): value for name, value in answer.headers}


def statuses(f, count, request=None, gateways=()):
    """What `count` requests get that are sent by 64 threads at once, spread over the gateways."""
    addresses = [g.gateway.address for g in (f, *gateways)]

    def one(number):
        client = Client(addresses[number % len(addresses)], request or chat())
        try:
            return client.answer().status
        finally:
            client.sock.close()
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        return list(pool.map(one, range(count)))


# ---- Limits

@test
def after_exactly_a_hundred_requests_the_next_waits_for_its_window(f):
    f.start('extension-auth', LIMITED, *simulator()[1:], server={'trusted_proxies': ['127.0.0.1']})
    began = time.monotonic()
    client = f.client()
    for left in range(99, -1, -1):
        client.send(chat())
        answer = client.answer()
        check(answer.status == 200, f'{answer.status} with {left} left')
        check(fields(answer)['ratelimit'].startswith(f'"default";r={left};'), fields(answer))
    client.send(chat())
    refused = client.answer()
    if time.monotonic() - began < 2.0:      # a machine that was slower has seen the window end
        check_envelope(refused, 429)
        check(fields(refused)['ratelimit-policy'] == '"default";q=100;w=2', fields(refused))
        check(1 <= int(fields(refused)['retry-after']) <= 2, fields(refused))
        check(
            f.client(chat(extension=OTHER)).answer().status == 429,
            'another id makes another client')
        check(
            f.client(chat(headers=['X-Forwarded-For: 192.0.2.1'])).answer().status == 200,
            'another client is refused too')
    time.sleep(2.1)
    client.send(chat())
    check(client.answer().status == 200, 'refused after the window')


@test
def never_more_than_the_limit_pass_at_once(f):
    f.start(*limited({'limit': 100, 'window': '1m'}))
    got = statuses(f, 300)
    check(got.count(200) == 100 and got.count(429) == 200, {s: got.count(s) for s in got})


@test
def two_gateways_with_one_redis_share_the_limit(f):
    redis = Redis()
    f.providers.append(redis)
    other = Fixture(f.binary)
    try:
        for gateway in (f, other):
            gateway.start(*limited({'limit': 50, 'window': '1m'}), store=redis.url)
        got = statuses(f, 200, gateways=[other])
        check(got.count(200) == 50 and got.count(429) == 150, {s: got.count(s) for s in got})
    finally:
        other.__exit__(None)


def flood(f, connections, seconds, request):
    """How many requests got which status, that were sent one after the other on each connection."""
    until = time.monotonic() + seconds

    def one(_):
        client, got = Client(f.gateway.address), []
        while time.monotonic() < until:
            client.send(request)
            got.append(client.answer().status)
            client.data, client.taken = b'', 0
        client.sock.close()
        return got
    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        got = [status for each in pool.map(one, range(connections)) for status in each]
    return {status: got.count(status) for status in sorted(set(got))}


@test
def a_flood_does_not_open_the_limit_of_a_redis_that_is_well(f):
    redis = Redis()
    f.providers.append(redis)
    f.start(*limited({'limit': 5, 'window': '10m'}), store=redis.url)
    got = flood(
        f, 300, 4,
        get('/nothing').replace(b'\r\n\r\n', f'\r\nX-Extension-ID: {EXTENSION}\r\n\r\n'.encode()))
    check(set(got) == {404, 429} and got[404] == 5 and got[429] > 295, got)


@test
def a_failover_lets_pass_no_more_than_the_limit_of_each_gateway(f):
    primary, replica = Redis(), Redis()
    line = Line(primary)
    f.providers += [primary, replica, line]
    replica.ask('REPLICAOF', '127.0.0.1', str(primary.port))
    eventually(lambda: b'master_link_status:up' in replica.ask('INFO', 'replication'), PATIENCE,
               'the replica finds no primary')
    other = Fixture(f.binary)
    try:
        for gateway in (f, other):
            gateway.start('health',
                          *limited({'limit': 20, 'window': '10m', 'key': 'extension'}),
                          store=line.url)
        got = statuses(f, 10, gateways=[other])
        replica.ask('REPLICAOF', 'NO', 'ONE')
        primary.ask('REPLICAOF', '127.0.0.1', str(replica.port))
        line.redis = replica
        got += statuses(f, 100, gateways=[other])
        check(20 <= got.count(200) <= 40 and got.count(200) + got.count(429) == 110,
              {s: got.count(s)
               for s in got})
        eventually(lambda: store_of(f) == {'status': 'healthy'}, 20, 'the store is not well again')
        others = (a + b + 'x' * 30 for a in string.ascii_lowercase for b in string.ascii_lowercase)

        def is_asked():
            extension = next(others)
            check(
                f.client(chat(extension=extension)).answer().status == 200,
                'another client is refused')
            return extension.encode() in replica.ask('KEYS', '*')
        eventually(is_asked, PATIENCE, 'the new primary is not asked')
    finally:
        other.__exit__(None)


def store_of(f):
    return json.loads(f.client(get()).answer().body)['checks']['store']


@test
def a_store_that_refuses_is_degraded_with_its_code(f):
    primary, replica = Redis(), Redis()
    f.providers += [primary, replica]
    replica.ask('REPLICAOF', '127.0.0.1', str(primary.port))
    f.start('health', *limited({'limit': 5, 'window': '10m'}), store=replica.url)
    got = statuses(f, 20)
    check(got.count(200) == 5 and got.count(429) == 15, {s: got.count(s) for s in got})
    check(store_of(f) == {'status': 'degraded', 'message': 'rejects commands: READONLY'},
          store_of(f))
    f.logged(level='warn', message='the store rejects commands', error='READONLY')
    f.logged(level='warn', plugin='throttler', message='requests are counted by this gateway alone')


@test
def a_store_that_cannot_be_reached_is_told_at_the_start(f):
    redis = Redis()
    f.providers.append(redis)
    redis.stop()
    f.start(*limited({'limit': 5}), store=redis.url)
    f.logged(level='warn', message='the store is down',
             reason=f'127.0.0.1:{redis.port}: Connection refused')


@test
def a_large_answer_is_kept_over_a_slow_line_and_opens_no_limit(f):
    redis = Redis()
    line = Line(redis, 12.5e6)      # 100 Mbit/s
    provider = f.provider(lambda call: call.answer(*['x' * 9000] * 100))
    f.providers += [redis, line]
    f.start('extension-auth', {'throttler': {'limit': 50, 'window': '10m', 'key': 'extension'}},
            *cached(provider)[1:],
            store=line.url)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        passed = pool.submit(statuses, f, 200, chat('Small', extension=OTHER))
        eventually(lambda: fields(f.client(chat('Large')).answer()).get('x-cache') == 'hit', 30,
                   'it is not kept')
        got = passed.result()
    check(
        got.count(200) <= 50 and got.count(200) + got.count(429) == 200,
        {s: got.count(s)
         for s in got})


@test
def a_store_that_is_down_is_done_without_as_configured(f):
    redis = Redis()
    f.providers.append(redis)

    def throttler(name, **settings):
        return {
            'throttler': {'limit': 5, 'window': '10m', 'name': name, **settings}, 'as': name,
            'when': {'path': f'/{name}'}
        }

    f.start('extension-auth',
            throttler('closed', on_store_failure='closed'),
            throttler('open', on_store_failure='open'),
            throttler('count'),
            *simulator()[1:],
            store=redis.url)

    def ask(name, count):
        return statuses(f, count, head(0, path=f'/{name}'))
    for name in ('closed', 'open', 'count'):
        check(ask(name, 1) == [404], name)
    redis.stop()
    began = time.monotonic()
    check(set(ask('closed', 20)) == {503}, 'closed')
    check(set(ask('open', 20)) == {404}, 'open')
    got = ask('count', 20)
    check(got.count(404) == 4 and got.count(429) == 16, 'count', got)
    check(time.monotonic() - began < 5, 'requests hang on the store')
    redis.start()
    eventually(lambda: ask('closed', 1) == [404], 5, 'it does not come back')


@test
def a_store_that_hangs_costs_no_request_more_than_its_budget(f):
    redis = Redis()
    f.providers.append(redis)
    f.start(*limited({'limit': 1000}), store=redis.url)
    check(f.client(chat()).answer().status == 200, 'refused')
    redis.pause()
    began = time.monotonic()
    got = statuses(f, 200)
    check(got.count(200) == 200, {s: got.count(s) for s in got})
    check(time.monotonic() - began < 5, 'requests wait for the store')


# ---- The upstream

@test
def a_network_failure_is_tried_again_and_told(f):
    f.start('access-log', 'extension-auth', 'chat', {'retry': {'delay': '10ms', 'jitter': 0}},
            {'gemini': {'api_key': 'key', 'base_url': 'http://127.0.0.1:1'}})
    check_stream(f.client(chat()).answer(), '"type":"error"')
    f.logged(message='attempt 1/3 failed: upstream_unreachable, retrying in 10 ms')
    f.logged(message='attempt 2/3 failed: upstream_unreachable, retrying in 20 ms')
    f.logged(message='attempt 3/3 failed: upstream_unreachable')


@test
def an_invalid_key_is_told_to_the_operator_and_not_to_the_client(f):
    error = json.dumps({
        'error': {
            'code': 400, 'status': 'INVALID_ARGUMENT',
            'message': 'API key not valid. UPSTREAM-TEXT', 'details': [{
                '@type': 'type.googleapis.com/google.rpc.ErrorInfo', 'reason': 'API_KEY_INVALID'
            }]
        }
    }).encode()
    refuse = (b'HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n'
              b'Content-Length: %d\r\n\r\n' % len(error)) + error
    provider = f.provider(lambda call: call.sock.sendall(refuse))
    f.start('access-log', 'health', *gemini(provider.address))
    client = f.client(chat())
    check_stream(client.answer(), '"type":"error"')
    check(b'UPSTREAM-TEXT' not in client.data and b'API' not in client.data, client.data)
    f.logged(level='error',
             plugin='gemini',
             message='model request failed: the API key is rejected')
    got = json.loads(f.client(get('/health')).answer().body)
    check(got['status'] == 'unhealthy', got)


@test
def an_open_circuit_refuses_at_once_and_probes_again(f):
    broken = b'HTTP/1.1 503 Oops\r\nContent-Length: 0\r\n\r\n'
    answers = iter([broken] * 3)

    def script(call):
        failing = next(answers, None)
        call.sock.sendall(failing) if failing else call.answer('Back')
        call.sock.close()
    provider = f.provider(script)
    retry = {'attempts': 1, 'breaker': {'failures': 3, 'cooldown': '1s'}}
    f.start('extension-auth', 'chat', {'retry': retry}, *gemini(provider.address)[2:])
    for _ in range(3):
        check_stream(f.client(chat()).answer(), '"type":"error"')
    asked = len(provider.socks)
    refused = f.client(chat()).answer()
    check_envelope(refused, 503)
    check(fields(refused).get('retry-after') == '1', refused.headers)
    check(len(provider.socks) == asked, 'the provider was asked while the circuit was open')
    eventually(lambda: b'Back' in f.client(chat()).answer().body, 5, 'the circuit does not close')


# ---- The cache

def cached(provider, **settings):
    return [*gemini(provider.address)[:2], {'cache': settings}, *gemini(provider.address)[2:]]


@test
def the_same_question_is_answered_from_the_cache_byte_for_byte(f):
    check_cached(f)


@test
def a_cache_in_redis_is_as_good(f):
    redis = Redis()
    f.providers.append(redis)
    check_cached(f, store=redis.url)


def check_cached(f, **options):
    provider = f.provider(lambda call: call.answer('One', 'Two'))
    f.start(*cached(provider), **options)
    first, second = (f.client(chat('Same')).answer() for _ in range(2))
    check(
        fields(first)['x-cache'] == 'miss' and fields(second)['x-cache'] == 'hit', fields(first),
        fields(second))

    def without_start(answer):      # which has the time
        return answer.body.partition(b'\n\n')[2]
    check(without_start(first) == without_start(second), 'the answers differ')
    check(
        fields(f.client(chat('Same', extension=OTHER)).answer())['x-cache'] == 'miss',
        'it is shared across tenants')
    check(len(provider.socks) == 2, len(provider.socks), 'calls')


@test
def questions_asked_at_once_share_one_call_until_the_last_has_left(f):
    provider = f.provider()
    f.start(*cached(provider))
    first = f.client(chat('Same'))
    call = f.take(provider)
    second = f.client(chat('Same'))
    second.wait_for('coalesced')
    call.begin()
    call.send('One')
    second.wait_for('One')
    first.wait_for('One')
    first.leave()
    call.send('Two')
    second.wait_for('Two')
    check(not call.is_gone(0.5), 'the call ended with the first client')
    second.leave()
    check(call.is_gone(1.0), 'the call goes on for nobody')


@test
def a_slow_client_whose_answer_is_shared_gets_what_was_kept_for_it(f):
    provider = f.provider()
    f.start(*cached(provider))
    slow = f.client(chat('Same'), rcvbuf=1 << 18)
    call = f.take(provider)
    fast = f.client(chat('Same'))
    fast.wait_for('coalesced')
    call.begin()
    # In all beyond what the sockets on the way hold.
    for n in range(64):
        call.send('x' * 128_000)
        fast.wait(lambda: len(fast.data) > n * 128_000, 'what was sent')
    call.send('the last word')
    fast.wait_for('the last word')
    slow.wait_for('the last word')  # though the model is silent now


@test
def what_failed_is_never_cached(f):
    provider = f.provider()
    f.start(*cached(provider))
    for _ in range(2):
        client = f.client(chat('Same'))
        call = f.take(provider)
        call.begin()
        call.send('Half')
        client.wait_for('Half')
        call.sock.close()
        check_stream(client.answer(), '"type":"error"')


# ---- Tools and workflows

@test
def synced_tools_are_offered_to_their_extension_alone(f):
    provider = f.provider()
    f.start('extension-auth', 'chat', 'tools', *gemini(provider.address)[2:])
    sync = json.dumps({
        'extensionId': EXTENSION, 'version': '1', 'timestamp': 1,
        'schemas': [{'name': 'sharedTool'}]
    }).encode()
    head = ('POST /api/tools/sync HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
            'X-Extension-ID: %s\r\nContent-Length: %d\r\n\r\n')
    answer = f.client((head % (EXTENSION, len(sync))).encode() + sync).answer()
    check(answer.status == 200 and json.loads(answer.body)['storedCount'] == 1, answer.body)
    for extension, offered in ((EXTENSION, True), (OTHER, False)):
        client = f.client(chat(extension=extension))
        call = f.take(provider)
        check((b'sharedTool' in call.body) == offered, extension, call.body)
        call.answer('Hi')
        check_stream(client.answer())


@test
def workflows_are_reloaded_when_their_file_changes(f):
    f.write('workflows.yaml', 'workflows: {first: {name: First, systemPrompt: One}}')
    f.start('extension-auth', 'chat', {'workflows': {'file': 'workflows.yaml'}}, *simulator()[2:])
    fields_of = f'Host: localhost\r\nX-Extension-ID: {EXTENSION}\r\n\r\n'
    request = f'GET /api/workflows HTTP/1.1\r\n{fields_of}'.encode()
    check(b'First' in f.client(request).answer().body, 'it is not listed')
    f.write('workflows.yaml', 'workflows: {second: {name: Second, systemPrompt: Two, surprise: 1}}')
    f.logged(level='error', plugin='workflows', message='`surprise`')
    check(b'First' in f.client(request).answer().body, 'a broken file took it away')
    f.write('workflows.yaml', 'workflows: {second: {name: Second, systemPrompt: Two}}')
    eventually(lambda: b'Second' in f.client(request).answer().body, PATIENCE,
               'the file was not read again')


# ---- Secrets

@test
def no_token_or_prompt_is_told_or_kept_in_the_open(f):
    import hashlib
    token, prompt = 'ghk_MARKED-INSTALL-TOKEN-77', 'MARKED-PROMPT-31'
    digest = hashlib.sha256(token.encode()).hexdigest()
    f.start('access-log',
            'health',
            'metrics', {'extension-auth': {'tokens': [{'name': 'laptop', 'sha256': digest}]}},
            {'throttler': {'policies': [{'name': 'token', 'key': 'header:Authorization'}]}},
            'chat',
            'tools',
            'cache', {'simulator': {'word_delay': '0ms'}},
            admin={'listen': '127.0.0.1:0', 'token': 'MARKED-ADMIN-TOKEN'})
    text = body(prompt)
    request = (
        'POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
        f'X-Extension-ID: {EXTENSION}\r\nAuthorization: Bearer {{}}\r\n'
        f'Content-Length: {len(text)}\r\n\r\n')
    check_stream(f.client(request.format(token).encode() + text).answer())
    check_envelope(f.client(request.format(token + 'x').encode() + text).answer(), 401)
    shown = [
        f.client(get(path)).answer().body.decode()
        for path in ('/metrics', '/health', '/health/detailed', '/readyz?verbose')
    ]
    check('gatehouse_http_requests_total' in shown[0], shown[0][:500])
    f.stop()
    told = '\n'.join([*f.gateway.lines, *shown])
    check('"user":"laptop","key":"laptop"' in told, 'the caller is not in the log')
    check('MARKED' not in told, next((line for line in told.splitlines() if 'MARKED' in line), ''))
