"""Code of plugins: crashes, plugins that block, what the command line leaves out, which files are
loaded, and code that is replaced while it serves."""
import datetime
import hashlib
import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from cases_admin import ADMIN, ask, status
from cases_reload import reload, replace, with_own_plugins
from checks import PATIENCE, Wrong, check, check_stream, eventually
from client import Client, chat, get
from fixture import LOG_IN_FILE, gemini, probe, record, simulator, test

# Of the test that replaces code under load. In full, to be run by hand: RELOADS=1000.
RELOADS = int(os.environ.get('RELOADS', 50))
STREAMS, REQUESTS_PER_SECOND, LOADERS = 64, 500, 4
SECONDS_OF_A_STREAM = 6.0
BLOCKED_SECONDS = 5.0   # after which the watchdog reports a plugin


# ---- Crashes

def crash(f, task, name, what='', **options):
    f.start('health', probe(f, task), **options)
    f.client(get('/harm').replace(b'\r\n\r\n', b'\r\nX-Request-Id: harmful-1\r\n\r\n'))
    f.ends(-getattr(signal, name))
    [report] = [line for line in f.gateway.lines if line.startswith('gatehouse: fatal')]
    head = f'gatehouse: fatal signal {name}{what} in the plugin culprit 1.0.0 while handling a request'
    check(report.startswith(head + ' (harmful-1), at /'), report)
    return report


@test
def a_crash_names_plugin_version_request_and_place(f):
    if not f.is_sanitized():
        report = crash(f, 'crash', 'SIGSEGV')
        check(re.search(r'/probes/probe\.so\+0x[0-9a-f]+$', report), report)


@test
def a_plugin_that_aborts_is_named(f):
    if not f.is_sanitized():
        crash(f, 'abort', 'SIGABRT')


@test
def a_plugin_that_overflows_the_stack_is_named(f):
    if not f.is_sanitized():
        crash(f, 'overflow', 'SIGSEGV', ' (stack overflow)')


@test
def a_crash_is_recorded_in_the_log_file(f):
    if f.is_sanitized():
        return
    crash(f, 'crash', 'SIGSEGV', shell=LOG_IN_FILE, log={'file': 'gateway.log'})
    last = json.loads((f.folder / 'gateway.log').read_text().splitlines()[-1])
    place = last.pop('place')
    at = datetime.datetime.strptime(last.pop('time'), '%Y-%m-%dT%H:%M:%S.%f%z')
    check('/probes/probe.so+0x' in place, place)
    age = datetime.datetime.now(datetime.timezone.utc) - at
    check(abs(age.total_seconds()) < 60, age)
    check(
        last == {
            'level': 'error', 'plugin': 'culprit', 'request': 'harmful-1',
            'message': 'fatal signal SIGSEGV while handling a request', 'version': '1.0.0'
        }, last)


@test
def a_crash_while_an_instance_is_created_is_named(f):
    if f.is_sanitized():
        return
    config = f.configure('health', probe(f, 'crash', **{'in': 'constructor'}))
    code, output = f.run(config)
    check(code == -signal.SIGSEGV and 'culprit 1.0.0 while creating an instance, at ' in output,
          code, output)


@test
def a_crash_in_the_background_is_named(f):
    if f.is_sanitized():
        return
    config = f.configure('health', probe(f, 'crash', **{'in': 'background'}))
    code, output = f.run(config)
    check(code == -signal.SIGSEGV and 'culprit 1.0.0 while working in the background' in output,
          code, output)


# ---- Plugins that block

@test
def a_plugin_that_blocks_is_named_while_it_serves_and_at_the_shutdown(f):
    f.start('health', probe(f, 'block'), shutdown={'grace': '0s'})
    f.client(get('/harm').replace(b'\r\n\r\n', b'\r\nX-Request-Id: slow-1\r\n\r\n'))
    message = 'the plugin blocks a thread outside the wait functions of the host'

    def reports():
        return [r for r in map(record, f.gateway.lines) if r.get('message') == message]
    check(f.gateway.wait_for(reports, BLOCKED_SECONDS + PATIENCE), 'the plugin is not reported')
    [report] = reports()
    check(
        report['plugin'] == 'culprit' and report['request'] == 'slow-1'
        and report['while'] == 'handling a request' and report['seconds'] >= BLOCKED_SECONDS,
        report)
    f.gateway.signal('TERM')
    f.ends(1)
    f.logged(message='requests are still running', plugins='culprit (slow-1)')
    check(len(reports()) == 1, 'it is reported again')
    f.logged(message='the plugin holds up the other requests of its thread', plugin='culprit',
             request='slow-1')


@test
def a_plugin_that_declares_that_it_blocks_holds_nothing_up(f):
    f.start('health', probe(f, 'block', 'probe-blocks'), shutdown={'grace': '0s'})
    for _ in range(2 * os.cpu_count()):
        f.client(get('/harm'))
    for _ in range(2 * os.cpu_count()):
        f.check_healthy()
    f.gateway.signal('TERM')
    f.ends(1)
    check(not any('holds up' in line for line in f.gateway.lines), f.gateway.lines)


# ---- What the command line leaves out

@test
def an_entry_without_which_the_gateway_is_started_is_not_read(f):
    f.write('broken.so', 'not a plugin')
    broken = {'broken': {'key': '${NOT_SET}'}, 'path': 'broken.so'}
    f.start('health', broken, {'cors': {}, 'as': 'web'}, shell='exec "$@" --without broken '
            '--without web --without nothing', admin=ADMIN)
    f.logged(level='warn', message='this entry is left out: `--without broken`')
    f.logged(level='warn', message='this entry is left out: `--without web`')
    f.logged(level='warn', message='`--without nothing`: the pipeline has no such entry')
    check([plugin['name'] for plugin in status(f)['plugins']] == ['health'], status(f))
    code, told = reload(f)
    texts = [warning['text'] for warning in told['warnings']]
    check(code == 200 and sum('is left out' in text for text in texts) == 2, code, told)


@test
def in_safe_mode_only_installed_plugins_are_loaded(f):
    folder = f.folder / 'plugins'
    folder.mkdir()
    (folder / 'health.so').write_text('not the plugin that is installed')
    f.start('health', probe(f, 'pass'), 'elsewhere', plugins_dir='plugins',
            shell='exec "$@" --safe', admin=ADMIN)
    left_out = [line for line in f.gateway.lines if '`--safe` loads only the plugins in /' in line]
    check(len(left_out) == 2, f.gateway.lines)
    check([plugin['name'] for plugin in status(f)['plugins']] == ['health'], status(f))


# ---- Which files are loaded

def checked(f, *pipeline, **sections):
    f.configure(*pipeline, admin=ADMIN, **sections)
    code, told = reload(f)
    return code, [problem['text'] for problem in told['problems'] + told['warnings']]


@test
def a_plugin_whose_digest_differs_is_not_loaded(f):
    folder = with_own_plugins(f, 'health')
    digest = hashlib.sha256((folder / 'cors.so').read_bytes()).hexdigest()
    for good in (digest, digest.upper()):
        code, texts = checked(f, 'health', {'cors': {}, 'sha256': good}, plugins_dir='plugins')
        check(code == 200, texts)
    replace(folder / 'cors.so', (folder / 'cors.so').read_bytes() + b'\n')
    code, [text] = checked(f, 'health', {'cors': {}, 'sha256': digest}, plugins_dir='plugins')
    now = hashlib.sha256((folder / 'cors.so').read_bytes()).hexdigest()
    check(code == 422 and f'has the SHA-256 {now}, but `sha256` is {digest}: ' in text, text)
    code, texts = checked(f, 'health', {'cors': {}, 'sha256': 'abc'}, plugins_dir='plugins')
    check(code == 422 and 'must have 64 hexadecimal digits' in texts[0], texts)


@test
def a_plugin_that_others_may_replace_is_not_loaded(f):
    folder = with_own_plugins(f, 'health')
    pipeline = ['health', 'cors']
    os.chmod(folder / 'cors.so', 0o666)
    code, texts = checked(f, *pipeline, plugins_dir='plugins')
    check(code == 422 and 'is world-writable: run `chmod o-w`' in texts[0], texts)
    os.chmod(folder / 'cors.so', 0o644)
    os.chmod(folder, 0o777)
    code, texts = checked(f, *pipeline, plugins_dir='plugins')
    check(code == 422 and 'is writable by everybody' in texts[0] and 'chmod o-w' in texts[0], texts)
    os.chmod(folder, 0o1777)    # as /tmp, where files of others cannot be replaced
    code, texts = checked(f, *pipeline, plugins_dir='plugins')
    check(code == 200 and not texts, texts)
    if os.geteuid() == 0:
        os.chown(folder / 'cors.so', 12345, -1)
        code, [text] = checked(f, *pipeline, plugins_dir='plugins')
        check(code == 200 and 'cors.so is writable by its owner, the user 12345' in text, text)


# ---- New code while the old serves

def mappings(f, name):
    """Those of the plugin's code."""
    maps = Path(f'/proc/{f.pid}/maps').read_text()
    return sum(f'/memfd:{name}.so' in line for line in maps.splitlines())


@test
def code_of_the_gateways_own_plugins_is_unmapped_when_nothing_needs_it(f):
    for file in (Path(f.binary).parent.parent / 'lib/gatehouse/plugins').iterdir():
        shown = subprocess.run([f.binary, 'plugin', 'inspect', file], capture_output=True, text=True)
        check('unloads' in shown.stdout, file.name, 'does not declare it:', shown.stdout)
    names = ('traces', 'openapi')
    folder = with_own_plugins(f, {'traces': {'endpoint': 'http://127.0.0.1:9'}}, 'openapi',
                              *simulator())
    check_stream(f.client(chat()).answer())
    before = [mappings(f, name) for name in names]
    for name in names:
        replace(folder / f'{name}.so', (folder / f'{name}.so').read_bytes() + b'\0')
    code, told = reload(f)
    check(code == 200 and not told['warnings'], told)
    eventually(lambda: [mappings(f, name) for name in names] == before, PATIENCE,
               'code stays mapped')
    check_stream(f.client(chat()).answer())


def version(number):
    """As long as the 1.0.0 that it replaces."""
    return '.'.join(f'{number % 1000:03}')


class Versions:
    """A plugin of which each reload installs another version."""
    def __init__(self, file):
        self.file, self.first = file, file.read_bytes()

    def install(self, number):
        replace(self.file, self.first.replace(b'1.0.0', version(number).encode()))


class Load:
    """Requests at a constant rate, each of which must get the response of the first."""
    def __init__(self, address):
        self.address, self.stops, self.wrong = address, threading.Event(), []
        self.counts = [0] * LOADERS
        self.threads = [threading.Thread(target=self._run, args=(i,)) for i in range(LOADERS)]
        for thread in self.threads:
            thread.start()

    def _run(self, index):
        host, port = self.address.rsplit(':', 1)
        expected, began = None, time.monotonic()
        with socket.create_connection((host, int(port)), PATIENCE) as sock:
            while not self.stops.is_set():
                sock.sendall(get('/livez'))
                response = sock.recv(65536)
                lines = [line for line in response.split(b'\r\n')
                         if not line.startswith((b'Date:', b'X-Request-Id:'))]
                expected = expected or lines
                if lines != expected or not response.startswith(b'HTTP/1.1 200'):
                    self.wrong.append(response)
                    return
                self.counts[index] += 1
                due = began + self.counts[index] * LOADERS / REQUESTS_PER_SECOND
                self.stops.wait(max(0, due - time.monotonic()))

    def stop(self):
        self.stops.set()
        for thread in self.threads:
            thread.join(PATIENCE)
        check(not self.wrong, 'an altered response:', self.wrong[:1])
        return sum(self.counts)


WORDS = [f'word{i} ' for i in range(24)]


def slow_stream(call):
    """A response of some seconds, unless the prompt asks for a short one."""
    call.begin()
    if b'short' in call.body:
        call.send('short')
    else:
        for word in WORDS:
            call.send(word)
            time.sleep(SECONDS_OF_A_STREAM / len(WORDS))
    call.finish()


class Streams:
    """Chats of some seconds, one after another on each thread, whose text must be whole."""
    def __init__(self, f):
        self.f, self.stops, self.wrong, self.count = f, threading.Event(), [], 0
        self.threads = [threading.Thread(target=self._run) for _ in range(STREAMS)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        while not self.stops.is_set() and not self.wrong:
            try:
                # Not in the cache, which would respond, and whose memory would grow.
                request = chat('long', headers=['Cache-Control: no-store'])
                client = Client(self.f.gateway.address, request)
                answer = client.answer(SECONDS_OF_A_STREAM + 6 * PATIENCE)
                check_stream(answer)
                check(text_of(answer) == ''.join(WORDS) + '.', answer.body[-1000:])
                client.leave()
                self.count += 1
            except (Wrong, OSError) as wrong:
                self.wrong.append(str(wrong))

    def stop(self):
        self.stops.set()
        for thread in self.threads:
            thread.join(SECONDS_OF_A_STREAM + 6 * PATIENCE)
        check(not self.wrong, 'a stream failed:', self.wrong[:1])
        return self.count


def text_of(answer):
    return ''.join(
        json.loads(line[6:])['delta'] for line in answer.body.decode().splitlines()
        if line.startswith('data: {"type":"text-delta"'))


def sizes(f):
    """Descriptors, threads, MiB of resident memory, and mappings of the plugin."""
    proc = Path(f'/proc/{f.pid}')
    rss = next(line for line in (proc / 'status').read_text().splitlines()
               if line.startswith('VmRSS'))
    return (len(os.listdir(proc / 'fd')), f.thread_count(), int(rss.split()[1]) / 1024,
            mappings(f, 'chat'))


def limited(f):
    client = f.client(get('/limited'))
    code = client.answer().status
    client.leave()
    return code


def short_chat(f):
    client = f.client(chat('short'))
    answer = client.answer()
    client.leave()
    check_stream(answer)
    return text_of(answer)


@test
def code_is_replaced_under_load_without_a_trace(f):
    calls = queue.SimpleQueue()

    def respond(call):
        calls.put(b'short' in call.body)
        slow_stream(call)
    provider = f.provider(respond)
    limits = {
        'throttler': {'limit': 4, 'window': '1h'}, 'as': 'limits', 'when': {'path': '/limited'}
    }
    auth, ingress, model = gemini(provider.address, probe_interval='1h')
    folder = with_own_plugins(f, 'health', limits, auth, ingress, {'cache': {'ttl': '1h'}}, model)
    versions = Versions(folder / 'chat.so')
    check([limited(f), limited(f)] == [404, 404], 'the limit holds too early')
    check(short_chat(f) == 'short.', 'the first chat fails')
    load, streams = Load(f.gateway.address), Streams(f)
    try:
        began = time.monotonic()
        samples = []
        for number in range(RELOADS):
            versions.install(number)
            code, told = reload(f)
            check(code == 200 and not told['warnings'], number, code, told)
            [now] = [p['version'] for p in status(f)['plugins'] if p['name'] == 'chat']
            f.clients.clear()
            check(now == version(number), f'version {now} serves, not {version(number)}')
            samples.append(sizes(f))
        took = time.monotonic() - began
    finally:
        requests = load.stop()
        done = streams.stop()
    check_flat(f, samples)
    check(short_chat(f) == 'short.', 'the cached chat has changed')
    asked = [calls.get() for _ in range(calls.qsize())]
    check(asked.count(True) == 1, 'the cache has lost a response')
    check([limited(f), limited(f), limited(f)] == [404, 404, 429], 'the limit counts anew')
    print(f'     {RELOADS} reloads in {took:.0f} s, {requests / took:.0f} requests/s, {done} streams;'
          f' fds, threads, MiB, mappings: first {samples[0]}, middle {samples[RELOADS // 2]},'
          f' last {samples[-1]}, quiet {sizes(f)}')


def check_flat(f, samples):
    """Nothing is left of replaced code once its streams have ended."""
    one_version = 8     # mappings: text, data and what relocation makes of it; at most
    eventually(lambda: sizes(f)[3] <= one_version, PATIENCE, 'code stays mapped:', sizes(f))
    half = len(samples) // 2
    if f.is_sanitized():
        return

    def grown(index):
        """By how much the second half is above the first at their highest."""
        values = [sample[index] for sample in samples]
        return max(values[half:]) - max(values[:half])
    check(grown(0) < 40 and grown(1) < 40, 'descriptors or threads grow:', samples[::half // 2])
    quiet, before = sizes(f)[2], max(sample[2] for sample in samples[:half])
    # Four: what the allocator has divided among its arenas in the meantime.
    check(quiet < before + 4, quiet, 'MiB are left of at most', before, 'in the first half')
