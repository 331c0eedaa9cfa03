"""More than the gateway takes: refused at once, and nothing of it stays."""
import os
import resource
import selectors
import statistics
import time

from checks import check, check_envelope, check_stream, eventually
from client import chat, connected, get, head
from fixture import gemini, probe, simulator, test
from vitals import Vitals

IDLE = 1000
STREAMS = 100
RESETS = 40     # of each kind
DESCRIPTORS = 64
CROWD = 9000    # streams at once
CROWD_SECONDS = 90.0    # on two processors it takes 15


@test
def requests_over_max_running_are_refused_at_once(f):
    provider = f.provider()
    f.start(*gemini(provider.address), server={'max_running': 2})
    running, calls = [], []
    for _ in range(2):
        running.append(f.client(chat()))
        calls.append(f.take(provider))

    times = []
    for _ in range(9):
        began = time.monotonic()
        answer = f.client(chat()).answer()
        times.append(time.monotonic() - began)
        check_envelope(answer, 503)
        check((answer.header('Retry-After') or '').isdigit(), 'no Retry-After')
    check(statistics.median(times) < 0.1, f'refusals take {statistics.median(times) * 1000:.0f} ms')

    calls[0].answer('one')
    check_stream(running[0].answer())
    later = []

    def is_served():
        later.append(f.client(chat()))
        later[-1].wait_for('\r\n\r\n')
        return b'HTTP/1.1 200' in later[-1].data
    eventually(is_served, 1.0, 'a place that has become free is not given away')
    f.take(provider).answer('another')
    check_stream(later[-1].answer())
    calls[1].answer('two')
    check_stream(running[1].answer())


@test
def probes_are_answered_when_no_more_requests_may_run(f):
    provider = f.provider()
    f.start('health', 'metrics', *gemini(provider.address), server={'max_running': 2})
    for _ in range(2):
        f.client(chat())
        f.take(provider)
    for path in ('/livez', '/readyz', '/health', '/metrics'):
        check(f.client(get(path)).answer().status == 200, path, 'is refused')
    check_envelope(f.client(get('/api/chat')).answer(), 503)
    answers = f.client(get('/livez') + chat() +
                       get('/livez'))    # what comes behind a probe is none
    check(answers.answer().status == 200, 'a probe is refused')
    check_envelope(answers.answer(), 503)


THREADS = 12


@test
def at_the_limit_of_threads_probes_are_answered_and_others_refused(f):
    if os.getuid() != 0:
        return      # the limit is one of a user, who may run other things
    provider = f.provider()
    f.folder.chmod(0o755)
    become = (f'setpriv --reuid {40000 + os.getpid() % 10000} --regid 65534 --clear-groups'
              ' --no-new-privs')
    f.start('health',
            probe(f, 'pass', 'probe-blocks'),
            *gemini(provider.address, probe_interval=False),
            shell=f'ulimit -u {THREADS}; exec {become} "$@"')
    running, refused = [], []
    while len(refused) < 20:
        client = f.client(chat())
        client.wait(lambda: client.data.startswith(b'HTTP/1.1 '), 'an answer')
        (refused if client.data.startswith(b'HTTP/1.1 503') else running).append(client)
        check(len(running) < THREADS, 'more threads than there can be')
    check(len(running) > 2, 'only', len(running), 'requests are running')
    began = time.monotonic()
    f.check_healthy()
    check(time.monotonic() - began < 2.0, 'a probe waits for a thread')
    told = [line for line in f.gateway.lines if 'cannot start a thread' in line]
    check(len(told) == 1, 'it is told', len(told), 'times')
    for client in running:
        f.take(provider).answer('word')
    for client in running:
        check_stream(client.answer())
    last = f.client(chat())
    f.take(provider).answer('word')
    check_stream(last.answer())


@test
def a_page_can_read_that_the_gateway_is_busy(f):
    provider = f.provider()
    f.start({'cors': {'origins': ['https://app.example']}},
            *gemini(provider.address),
            server={'max_running': 1})
    running = f.client(chat())
    call = f.take(provider)
    answer = f.client(chat(headers=['Origin: https://app.example'])).answer()
    check_envelope(answer, 503)
    check(answer.header('Access-Control-Allow-Origin') == 'https://app.example', 'it cannot')
    check('retry-after' in answer.header('Access-Control-Expose-Headers'),
          'it cannot read when to retry')
    call.answer('done')
    check_stream(running.answer())


@test
def idle_connections_cost_no_thread_and_little_memory(f):
    f.start('health')
    f.check_healthy()
    threads, vitals = f.thread_count(), Vitals(f.pid)
    clients = []
    for _ in range(IDLE):
        clients.append(f.client(get()))
        check(clients[-1].answer().header('Connection') == 'keep-alive', 'not kept alive')
    check(f.thread_count() == threads,
          f'{f.thread_count()} threads, {threads} without the connections')
    check(vitals.grown_mb() < 16,
          f'memory grew by {vitals.grown_mb():.0f} MiB: more than 16 KiB for each')
    clients[IDLE // 2].send(get())
    check(clients[IDLE // 2].answer().status == 200, 'one of them is not answered again')
    for client in clients:
        client.leave()
    check_descriptors(vitals)


@test
def waiting_requests_cost_no_thread(f):
    provider = f.provider()
    f.start('health', *gemini(provider.address))
    f.check_healthy()
    threads = f.thread_count()
    clients = [f.client(chat()) for _ in range(STREAMS)]
    calls = [f.take(provider) for _ in clients]
    check(f.thread_count() <= threads + 1,  # the look-up of a name may add one
          f'{f.thread_count()} threads, {threads} without the chats')
    for call in calls:
        call.answer('word')
    for client in clients:
        check_stream(client.answer())


@test
def the_memory_of_large_bodies_goes_back(f):
    f.start('health', *simulator())
    f.check_healthy()
    vitals, question = Vitals(f.pid), chat('x' * (8 << 20))
    for _ in range(3):
        for client in [f.client(question) for _ in range(4)]:
            check_stream(client.answer())
    eventually(lambda: vitals.grown_mb() < 16 or f.is_sanitized(), 5.0,
               'memory that 12 bodies of 8 MiB took is not given back')


@test
def a_chat_with_a_large_image_holds_it_no_more_than_twice(f):
    """As parts of the message, and of the request to the provider."""
    provider = f.provider()
    f.start('health', *gemini(provider.address))
    f.check_healthy()
    vitals = Vitals(f.pid)
    f.client(chat('x' * (20 << 20)))
    f.take(provider)
    eventually(lambda: vitals.grown_mb() < 50 or f.is_sanitized(), 5.0,
               'a chat with 20 MiB that waits for the model holds more than 50')


@test
def a_body_of_too_many_values_takes_no_more_memory_than_one_of_a_million(f):
    f.start(*simulator())
    before = f.peak_mb()
    text = b'[' + b'0,' * (8 << 20) + b'0]'
    answer = f.client(head(len(text)) + text).answer()
    check_envelope(answer, 400)
    check(b'more than a million values' in answer.body, answer.body)
    # The body, and a million nodes of 40 bytes.
    check(f.peak_mb() - before < 60 or f.is_sanitized(),
          f'a body of 16 MiB took {f.peak_mb() - before:.0f} MiB')


def check_descriptors(vitals, *what):
    problem = vitals.descriptors_problem(5.0, slack=4)
    check(not problem, *what, problem)


@test
def clients_that_reset_leave_nothing_behind(f):
    provider = f.provider()
    # Fewer places than clients of a kind: they must come back as well.
    f.start('health', *gemini(provider.address), server={'max_running': RESETS // 2})
    f.check_healthy()
    vitals = Vitals(f.pid)
    beginnings = {
        'nothing': b'', 'half a head': get()[:10], 'a request': get(), 'half a body': chat()[:-10],
        'a chat': chat()
    }
    for what, beginning in beginnings.items():
        for _ in range(RESETS):
            f.client(beginning).leave('RST')
        check_descriptors(vitals, f'{RESETS} clients sent {what} and reset:')
        f.check_healthy()


@test
def without_descriptors_the_gateway_waits_until_some_come_back(f):
    f.start('health', shell=f'ulimit -n {DESCRIPTORS}; exec "$@"')
    clients = [f.client(get()) for _ in range(200)]
    check(clients[0].answer().status == 200, 'the first is not served')
    eventually(lambda: Vitals(f.pid).files == DESCRIPTORS, 5.0, 'the descriptors are not used up')
    f.logged(level='warn', message='cannot accept connections')
    began = f.cpu_seconds()
    time.sleep(1.0)
    used = f.cpu_seconds() - began
    check(used < 0.3, f'it used {used:.2f} s of one second without descriptors')
    for client in clients:
        client.leave()
    eventually(lambda: Vitals(f.pid).files < DESCRIPTORS / 2, 5.0,
               'the descriptors do not come back')
    f.check_healthy()


@test
def of_more_streams_than_descriptors_some_fail_and_the_others_end(f):
    if f.is_sanitized():
        return  # UBSan opens a pipe to check the type of an object, and reports it without one
    provider = f.provider(lambda call: call.answer('word'))
    f.start('health', *gemini(provider.address, probe_interval=False),
            shell=f'ulimit -n {DESCRIPTORS}; exec "$@"')
    failed = 0
    for client in [f.client(chat()) for _ in range(2 * DESCRIPTORS)]:
        answer = client.answer()
        client.leave()
        if b'"type":"error"' in answer.body:    # none is left for the connection to the provider
            failed += 1
        else:
            check_stream(answer)
    check(0 < failed < 2 * DESCRIPTORS, failed, 'failed')
    check_stream(f.client(chat()).answer())


@test
def of_thousands_of_streams_none_is_lost(f):
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    count = min(CROWD, most - 200)
    slow = {'simulator': {'word_delay': '1s', 'intended': True}}
    f.start('health', 'extension-auth', 'chat', slow, server={'max_running': 2 * CROWD})
    until = time.monotonic() + CROWD_SECONDS
    streams, ended = {}, 0
    with selectors.DefaultSelector() as selector:
        for _ in range(count):
            sock = connected(f.gateway.address)
            sock.sendall(chat())
            sock.setblocking(False)
            streams[sock] = b''
            selector.register(sock, selectors.EVENT_READ)
        f.check_healthy()
        while ended < count and time.monotonic() < until:
            for key, _ in selector.select(1.0):
                sock = key.fileobj
                piece = sock.recv(1 << 16)
                streams[sock] += piece
                if not piece or streams[sock].endswith(b'\r\n0\r\n\r\n'):
                    selector.unregister(sock)
                    ended += 1
    for sock in streams:
        sock.close()
    whole = [data for data in streams.values()
             if data.startswith(b'HTTP/1.1 200') and data.endswith(b'[DONE]\n\n\r\n0\r\n\r\n')]
    check(len(whole) == count, f'of {count} streams {len(whole)} are whole, and {ended} have ended')
