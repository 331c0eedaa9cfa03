"""Signals: ending, reloading, and a log that is moved, closed or not read."""
import re
import threading
import time

from checks import PATIENCE, Wrong, check, check_stream, eventually
from client import Client, chat, get
from fixture import LOG_IN_FILE, gemini, simulator, test
from gateway import record

STREAMS = 50
RELOADS = 20
MOVES = 10          # of the log file
REQUESTS = 2000     # of a flood
# What reads standard output ends after this line.
CLOSED_STDOUT = 'exec "$@" > >(sed -u /listening/q)'


def ask(client, request):
    """The answer to one of many requests on a connection."""
    client.data, client.taken = b'', 0
    client.send(request)
    return client.answer()


# ---- SIGTERM

def run_streams(f, provider, go, meanwhile=lambda: None):
    """The bodies of many streams; `meanwhile` happens when all have begun."""
    go.clear()
    clients = [f.client(chat(f'number {i}.')) for i in range(STREAMS)]
    for i, client in enumerate(clients):
        client.wait_for(f'{i} begins')
    meanwhile()
    go.set()
    answers = [client.answer() for client in clients]
    for answer in answers:
        check_stream(answer)
    return [re.sub(rb'"createdAt":\d+', b'', answer.body) for answer in answers]


@test
def running_streams_end_complete_after_sigterm(f):
    go = threading.Event()

    def script(call):
        number = re.search(rb'number (\d+)', call.body)[1].decode()
        call.begin()
        call.send(f'{number} begins')
        go.wait(PATIENCE)
        for i in range(20):
            call.send(f'{number} word {i}')
        call.finish()

    provider = f.provider(script)
    f.start('health', *gemini(provider.address))
    undisturbed = run_streams(f, provider, go)

    idle, in_head, in_body = (f.client(get()) for _ in range(3))
    for client in (idle, in_head, in_body):
        check(client.answer().header('Connection') == 'keep-alive',
              'connections are not kept alive')
    request, with_body = get(), chat('number 99.')

    def terminate():
        in_head.send(request[:10])
        in_body.send(with_body[:-10])
        f.check_healthy()   # asked later: what was sent before has been taken
        f.gateway.signal('TERM')
        f.wait_refused()
        idle.wait_end()
        in_head.send(request[10:])
        in_body.send(with_body[-10:])
        check(in_head.answer().header('Connection') == 'close',
              'an answer after SIGTERM keeps its connection alive')

    disturbed = run_streams(f, provider, go, terminate)
    changed = [i for i in range(STREAMS) if disturbed[i] != undisturbed[i]]
    check(not changed, f'streams {changed} are not what they are without SIGTERM')
    answer = in_body.answer()
    check_stream(answer)
    check(
        answer.header('Connection') == 'close', 'a stream after SIGTERM keeps its connection alive')
    f.ends(0)


def terminate_endless_streams(f, count, grace):
    """Streams that do not end by themselves, after a first SIGTERM."""
    def endless(call):
        call.begin()
        call.send('begins')
        call.is_gone(60.0)

    provider = f.provider(endless)
    f.start(*gemini(provider.address), shutdown={'grace': grace})
    clients = [f.client(chat()) for _ in range(count)]
    for client in clients:
        client.wait_for('begins')
    f.gateway.signal('TERM')
    f.wait_refused()
    return clients


@test
def streams_that_outlast_the_grace_end_with_an_error(f):
    clients = terminate_endless_streams(f, STREAMS, '1s')
    began = time.monotonic()
    for client in clients:
        check_stream(client.answer(), '"type":"error"')
    took = time.monotonic() - began
    check(0.7 < took < 3.0, f'the streams were ended after {took:.1f} s, not 1 s')
    f.ends(0)
    f.logged(cancelled=STREAMS)


@test
def a_second_sigterm_ends_the_gateway_at_once(f):
    terminate_endless_streams(f, 1, '30s')
    f.gateway.signal('TERM')
    eventually(lambda: f.gateway.process.poll() is not None, 1.0, 'still running')
    f.ends(1)


@test
def a_gateway_that_is_about_to_end_says_so_and_still_serves(f):
    f.start('health', *simulator(), shutdown={'delay': '3s'})
    f.gateway.signal('QUIT')
    f.logged(message='shutting down')
    client = f.client(get('/readyz'))
    answer = client.answer()
    check(answer.status == 503 and b'the gateway is shutting down' in answer.body, answer.status,
          answer.body)
    check(f.client(get('/livez')).answer().status == 200, 'it says that it is dead')
    check_stream(f.client(chat()).answer())
    f.wait_refused()
    client.wait_end()
    f.ends(0)


@test
def a_second_signal_ends_the_delay(f):
    f.start('health', shutdown={'delay': '60s'})
    f.gateway.signal('TERM')
    f.logged(message='shutting down')
    f.gateway.signal('TERM')
    f.ends(1)


@test
def signals_without_a_meaning_end_nothing(f):
    f.start('health')
    f.gateway.signal('USR2')
    f.logged(message='SIGUSR2 ignored')
    f.check_healthy()


@test
def a_log_is_reopened_and_a_reload_refused_while_the_gateway_ends(f):
    f.start('health', log={'file': 'gateway.log'}, shell=LOG_IN_FILE, shutdown={'delay': '60s'})
    log = f.folder / 'gateway.log'
    f.gateway.signal('TERM')
    f.logged(message='shutting down')
    log.rename(f.folder / 'gateway.log.1')
    f.gateway.signal('USR1')
    eventually(log.exists, PATIENCE, 'there is no new file')
    f.gateway.signal('HUP')
    eventually(lambda: 'the gateway is shutting down' in log.read_text(), PATIENCE,
               'the reload is not refused')
    f.gateway.signal('TERM')
    f.ends(1)


# ---- SIGHUP

def model_of(answer):
    return re.search(r'"model":"([^"]*)"', answer.body.decode())[1]


@test
def a_reload_is_for_new_requests_only(f):
    old, new = f.provider(), f.provider()
    f.start(*gemini(old.address))
    running = f.client(chat())
    call = f.take(old)
    call.begin()
    call.send('first')
    running.wait_for('first')

    f.configure(*gemini(new.address))
    f.gateway.signal('HUP')
    f.logged(message='reloaded')
    later = f.client(chat())
    f.take(new).answer('from the new one')
    later.wait_for('from the new one')
    check_stream(later.answer())

    call.send('second')
    running.wait_for('second')
    call.finish()
    check_stream(running.answer())


@test
def a_broken_configuration_changes_nothing(f):
    f.start('health', *simulator())
    f.write('config.yaml', 'pipeline:\n  - health\n  - cros\n')
    f.gateway.signal('HUP')
    f.logged(level='error', message='config.yaml:3:5: unknown plugin `cros`: did you mean `cors`?')
    f.logged(level='error', message='reload failed: keeping the running configuration')
    check_stream(f.client(chat()).answer())


@test
def reloads_under_load_fail_no_request(f):
    models = ['gemini-2.5-pro', 'gemini-2.5-flash']
    f.start(*simulator(default_model=models[-1]))
    done, served, failed = threading.Event(), [0] * 4, []

    def ask_on(client):
        answer = ask(client, chat())
        check_stream(answer)
        return answer

    def load(index):
        """Every other thread takes a new connection for each request."""
        client = Client(f.gateway.address)
        try:
            while not done.is_set():
                if index % 2:
                    client.leave()
                    client = Client(f.gateway.address)
                ask_on(client)
                served[index] += 1
        except (OSError, Wrong) as error:
            failed.append(error)
        finally:
            client.leave()

    threads = [threading.Thread(target=load, args=(i,)) for i in range(len(served))]
    for thread in threads:
        thread.start()
    try:
        probe = f.client()
        for i in range(RELOADS):
            before = list(served)
            f.configure(*simulator(default_model=models[i % 2]))
            f.gateway.signal('HUP')
            eventually(lambda: model_of(ask_on(probe)) == models[i % 2], PATIENCE,
                       f'reload {i} is not used')
            eventually(lambda: failed or all(now > then for now, then in zip(served, before)),
                       PATIENCE, 'the load stands still')
    finally:
        done.set()
        for thread in threads:
            thread.join(PATIENCE)
    check(not failed, f'{len(failed)} of {sum(served)} requests failed, the first with:',
          *failed[:1])


# ---- The log: SIGUSR1, SIGPIPE, a reader that stops

@test
def sigusr1_goes_on_in_a_new_log_file(f):
    f.start('access-log', 'health', log={'file': 'gateway.log'}, shell=LOG_IN_FILE)
    log, moved = f.folder / 'gateway.log', f.folder / 'gateway.log.1'
    f.client(get('/health')).answer()
    log.rename(moved)
    f.client(get('/between')).answer()
    f.gateway.signal('USR1')
    eventually(log.exists, PATIENCE, 'there is no new file')
    f.client(get('/after')).answer()
    f.stop()
    first, second = moved.read_text(), log.read_text()
    check('/health' in first and '/between' in first and '/after' not in first,
          'the old file has:\n' + first)
    check('/after' in second and '/between' not in second, 'the new file has:\n' + second)


@test
def a_closed_standard_output_does_not_end_the_gateway(f):
    f.start('access-log', *gemini('127.0.0.1:1'), shell=CLOSED_STDOUT)
    for _ in range(3):
        check_stream(f.client(chat()).answer(),
                     '"type":"error"')    # logged as a warning, which is written at once
    f.gateway.signal('PIPE')
    check_stream(f.client(chat()).answer(), '"type":"error"')


@test
def sigusr1_under_load_loses_and_doubles_no_record(f):
    f.start('access-log', 'health', log={'file': 'gateway.log'}, shell=LOG_IN_FILE)
    log, done, asked = f.folder / 'gateway.log', threading.Event(), [[] for _ in range(4)]

    def load(index):
        client = Client(f.gateway.address)
        while not done.is_set():
            asked[index].append(f'/{index}/{len(asked[index])}')
            ask(client, get(asked[index][-1]))
        client.leave()

    threads = [threading.Thread(target=load, args=(i,)) for i in range(len(asked))]
    for thread in threads:
        thread.start()
    try:
        for i in range(MOVES):
            before = [len(paths) for paths in asked]
            log.rename(f.folder / f'gateway.log.{i}')
            f.gateway.signal('USR1')
            eventually(log.exists, PATIENCE, 'there is no new file')
            eventually(lambda: all(len(paths) > then for paths, then in zip(asked, before)),
                       PATIENCE, 'the load stands still')
    finally:
        done.set()
        for thread in threads:
            thread.join(PATIENCE)
    f.stop()
    files = [f.folder / f'gateway.log.{i}' for i in range(MOVES)] + [log]
    logged = [record(line).get('path') for file in files for line in file.read_text().splitlines()]
    for paths in asked:
        check([path for path in logged
               if path in set(paths)] == [path for path in paths for _ in range(2)],
              'not two records of each request, in order')


def flood(f):
    """More records than pipe and gateway hold."""
    client = f.client()
    slowest = 0.0
    for _ in range(REQUESTS):
        began = time.monotonic()
        check(ask(client, get('/' + 'x' * 2000)).status == 404, 'not answered as without the flood')
        slowest = max(slowest, time.monotonic() - began)
    check(slowest < 1.0, f'a request took {slowest:.1f} s')


@test
def a_reader_of_standard_output_that_stops_reading_holds_up_no_request(f):
    f.start('access-log', 'health')
    with f.gateway.changed:     # what reads the log waits for this
        flood(f)
    f.logged(message='log records were dropped')
    f.stop()
    records = [record(line) for line in f.gateway.lines]
    dropped, logged = sum(r.get('dropped', 0) for r in records), sum('path' in r for r in records)
    check(dropped > 0 and dropped + logged == 2 * REQUESTS,
          f'{dropped} records dropped, {logged} written of {2 * REQUESTS}')


@test
def a_reader_of_standard_output_that_stops_reading_does_not_hold_up_the_end(f):
    f.start('access-log', 'health')
    with f.gateway.changed:
        flood(f)
        f.gateway.signal('TERM')
        eventually(lambda: f.gateway.process.poll() is not None, 5.0, 'still running')
    f.ends(0)
