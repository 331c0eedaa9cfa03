#!/usr/bin/env python3
"""Everything at once, for as long as it is told: chats, tools, a flood, reloads, and faults on
every side.

    run.py --gatehouse build/bin/gatehouse [--seconds 30] [--streams 0] [--seed 1]
    run.py --gatehouse build/bin/gatehouse --seconds 1800 --streams 2000

The provider breaks off, refuses, hangs and dies; Redis freezes and is replaced; tool servers end,
hang and are slow; the folder of the log goes away; clients leave and do not read; the configuration
is reloaded every five seconds, with a new key each time. With --streams, so many chats are open
besides, of up to a minute each. Then: no response has a wrong byte, no limit was exceeded, no old
key is in use, memory did not grow under the load, descriptors, threads, children and memory are
what they were, and SIGTERM ends it in time. One line per check, last line 'N passed, N failed'.
"""
import argparse
import asyncio
import collections
import contextlib
import http
import itertools
import json
import math
import os
import random
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ADMIN_TOKEN = 'soak-admin-token-0123'
EXTENSION = 'abcdefghijklmnopabcdefghijklmnop'
LIMIT, WINDOW = 20, 5.0         # of the flood
RELOAD_SECONDS = 5.0
CLIENTS, FLOODERS = 16, 6
# Without and with streams: until as many are open as later, and until what has ended is given back,
# such as threads, which wait 30 s for other work.
WARM_UP_SECONDS, REST_SECONDS = (10.0, 60.0), (8.0, 35.0)
GROWTH_MIB = 16                 # reloads and the chance of the load make it vary


def expected(question):
    """What the provider says to a question."""
    return ''.join(f'{question} {i} äß€ ' for i in range(sum(question.encode()) % 60 + 1))


class Provider:
    """Gemini, on an event loop: it breaks off, refuses, hangs, and dies now and then."""

    def __init__(self, loop):
        self.keys = collections.Counter()   # since the last reload
        self.writers, self.running, self.died = set(), 0, 0
        self.server = on(loop, asyncio.start_server(self.serve, '127.0.0.1', 0, backlog=4096))
        self.port = self.server.sockets[0].getsockname()[1]
        asyncio.run_coroutine_threadsafe(self.die(), loop)

    async def die(self):
        """All of its connections break off at once."""
        while True:
            await asyncio.sleep(10 + 20 * random.random())
            self.died += 1
            for writer in list(self.writers):
                writer.transport.abort()

    async def serve(self, reader, writer):
        self.writers.add(writer)
        try:
            while await self.respond(reader, writer):
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.writers.discard(writer)
            writer.transport.abort()

    async def respond(self, reader, writer):
        """False: the connection is to be closed."""
        head = (await reader.readuntil(b'\r\n\r\n')).decode().split('\r\n')
        fields = {k.lower(): v for k, _, v in (line.partition(': ') for line in head[1:])}
        content = await reader.readexactly(int(fields.get('content-length', 0)))
        self.keys[fields['x-goog-api-key']] += 1
        if head[0].startswith('GET '):
            return reply(writer, 200)
        body = json.loads(content)
        question = next(part['text'] for part in body['contents'][0]['parts'] if 'text' in part)
        chance = random.random()
        if chance < 0.05:
            return reply(writer, 503)
        if chance < 0.09:
            await asyncio.sleep(3 if chance > 0.08 else 0)
            return False
        wants_tool = 'tool' in question and 'functionResponse' not in json.dumps(body)
        self.running += 1
        try:
            return await self.stream(writer, question, wants_tool)
        finally:
            self.running -= 1

    async def stream(self, writer, question, wants_tool):
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n'
                     b'Transfer-Encoding: chunked\r\n\r\n')
        if wants_tool:
            calls = [{'functionCall': {'name': 'worker_work', 'args': {'n': n}}}
                     for n in range(random.randint(1, 4))]
            return event(writer, calls, last=True)
        text, slow = expected(question), question.startswith('slow')
        while text:
            size = len(question) + 8 if slow else random.choice([1, 7, 300])
            event(writer, [{'text': text[:size]}])
            text = text[size:]
            if slow or random.random() < 0.05:
                await asyncio.sleep(random.random() * (2 if slow else 0.02))
            await writer.drain()
            if random.random() < 0.001:
                return False
        return event(writer, [], last=True)


def event(writer, parts, last=False):
    candidate = {'content': {'parts': parts}, **({'finishReason': 'STOP'} if last else {})}
    text = b'data: ' + json.dumps({'candidates': [candidate]}).encode() + b'\r\n\r\n'
    writer.write(b'%x\r\n%s\r\n' % (len(text), text) + (b'0\r\n\r\n' if last else b''))
    return True


def reply(writer, status):
    writer.write(f'HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\n'
                 'Content-Length: 2\r\n\r\n{}'.encode())
    return True


def on(loop, coroutine):
    """The result of what runs on the loop of another thread."""
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result()


class Redis:
    """A server that freezes now and then, and is replaced by an empty one."""
    def __init__(self, folder):
        with socket.create_server(('127.0.0.1', 0)) as free:
            self.port = free.getsockname()[1]
        self.folder = folder
        self.start()

    def start(self):
        self.process = subprocess.Popen(['redis-server', '--save', '', '--bind', '127.0.0.1', '--port', str(self.port), '--dir', self.folder],
                                        stdout=subprocess.DEVNULL)

    def trouble(self):
        if random.random() < 0.7:
            self.process.send_signal(signal.SIGSTOP)
            time.sleep(random.random() * 3)
            self.process.send_signal(signal.SIGCONT)
        else:
            self.stop()
            time.sleep(random.random() * 3)
            self.start()

    def stop(self):
        self.process.kill()
        self.process.wait()


class Soak:
    def __init__(self, binary, folder, seconds, streams):
        self.folder, self.seconds, self.streams = Path(folder), seconds, streams
        self.loop = asyncio.new_event_loop()  # of the provider and of all chats
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.provider, self.redis = Provider(self.loop), Redis(folder)
        self.questions, self.sizes = itertools.count(), []
        self.outcomes, self.wrong, self.passed = collections.Counter(), [], []
        self.lock, self.over, self.key = threading.Lock(), threading.Event(), 0
        self.log_folder = threading.Lock()  # held while it is away: a configuration that names it is then refused
        (self.folder / 'log').mkdir()
        self.configure()
        self.process = subprocess.Popen([binary, 'serve', str(self.folder / 'config.yaml')], cwd=folder)
        started = self.until(lambda: self.record('listening'), 10)
        if not started:
            raise RuntimeError('the gateway did not start')
        self.address, self.admin_address = (address_of(started[name]) for name in ('address', 'admin'))

    def configure(self):
        self.key += 1
        worker = {'name': 'worker', 'command': [sys.executable, str(HERE / 'worker.py')], 'call_timeout': '1s'}
        gemini = {'api_key': f'key-{self.key}', 'base_url': f'http://127.0.0.1:{self.provider.port}',
                  'probe_interval': '1s'}
        config = {
            'server': {'listen': '127.0.0.1:0', 'max_duration': '90s' if self.streams else '8s', 'send_timeout': '1s'},
            'shutdown': {'grace': '2s'},
            'admin': {'listen': '127.0.0.1:0', 'token': ADMIN_TOKEN},
            'log': {'file': 'log/gateway.log'},
            'store': f'redis://127.0.0.1:{self.redis.port}',
            'pipeline': [
                'access-log', 'cors', 'health', 'metrics', 'extension-auth',
                {'throttler': {'limit': LIMIT, 'window': f'{int(WINDOW)}s', 'key': 'header:X-Flood'}, 'when': {'path': '/api/workflows'}},
                'chat', 'tools', {'workflows': {'file': str(HERE.parent.parent / 'etc/workflows.yaml')}}, {'cache': {'ttl': '2s'}},
                {'mcp': {'servers': [worker]}}, {'retry': {'delay': '10ms', 'breaker': {'failures': 1000}}}, {'gemini': gemini}]}
        (self.folder / 'config.yaml').write_text(json.dumps(config, indent=1))

    # ---- What is measured

    def record(self, message):
        with contextlib.suppress(OSError):
            for line in (self.folder / 'log/gateway.log').read_text(errors='replace').splitlines():
                if f'"{message}"' in line:
                    return json.loads(line)

    @staticmethod
    def until(condition, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := condition():
                return found
            time.sleep(0.05)
        return condition()

    def size(self):
        proc = Path(f'/proc/{self.process.pid}')
        status = dict(line.split(':', 1) for line in (proc / 'status').read_text().splitlines())
        children = set()
        for task in (proc / 'task').iterdir():
            with contextlib.suppress(OSError):
                children.update((task / 'children').read_text().split())
        # As many connections to Redis are kept as chats happened to need at once.
        descriptors = len(list((proc / 'fd').iterdir())) - connections_to(self.redis.port)
        return {'descriptors': descriptors,
                'threads': int(status['Threads']), 'children': len(children),
                'upstream streams': self.provider.running,
                'MiB': int(status['VmRSS'].split()[0]) // 1024}

    # ---- What is done to it

    def ask(self, address, method, path, body=b'', headers=()):
        """Status and body; reads to the end."""
        with socket.create_connection(address, 10) as sock:
            sock.settimeout(15)
            sock.sendall(request(method, path, body, headers))
            answer = b''.join(iter(lambda: sock.recv(65536), b''))
        return int(answer.split(b' ', 2)[1]), answer.partition(b'\r\n\r\n')[2]

    def admin(self, method, path):
        return self.ask(self.admin_address, method, path, headers=[f'Authorization: Bearer {ADMIN_TOKEN}'])

    async def chat(self, slow):
        question, body = self.question(slow)
        leaves = random.random()
        left_at = random.random() * (30 if slow else 0.2) if leaves < 0.2 else None
        response = bytearray()
        reader, writer = await asyncio.open_connection(*self.address)
        try:
            writer.write(request('POST', '/api/chat', json.dumps(body).encode(),
                                 ['Content-Type: application/json']))
            if leaves > 0.98:
                await asyncio.sleep(1.5)         # does not read
            async with asyncio.timeout(left_at or 120):
                while piece := await reader.read(random.choice([50, 65536])):
                    response += piece
        except TimeoutError:
            if left_at is None:
                self.wrong.append((question, 'not in time'))
            return 'left'
        finally:
            writer.transport.abort()
        text, outcome = read(bytes(response))
        # Of a response that has broken off, what has come must be right as well.
        whole = expected(question)
        if not whole.startswith(text) or (outcome == 'whole' and text != whole):
            self.wrong.append((question, text[:200], outcome))
        return outcome

    def question(self, slow):
        if slow:
            question, wants_tool = f'slow question {next(self.questions)}', False
        else:
            wants_tool = random.random() < 0.2
            question = f'question {random.randint(0, 300)}' + ' with a tool' * wants_tool
        body = {'messages': [{'id': '1', 'role': 'user',
                              'parts': [{'type': 'text', 'text': question}]}]}
        if wants_tool:
            body['toolSchemas'] = [{'name': 'worker_work', 'mcp': {'executionLocation': 'backend'}}]
        return question, body

    async def chats(self, slow):
        if slow:
            await asyncio.sleep(10 * random.random())   # they do not all begin at once
        while not self.over.is_set():
            try:
                outcome = await self.chat(slow)
            except OSError as e:
                outcome = type(e).__name__
                await asyncio.sleep(0.1)
            except ValueError as e:
                outcome = 'framing'
                self.wrong.append((outcome, str(e)))
            self.outcomes[('slow ' if slow else '') + outcome] += 1

    def start_chats(self):
        slow = [False] * CLIENTS + [True] * self.streams
        return [asyncio.run_coroutine_threadsafe(self.chats(s), self.loop) for s in slow]

    def watch(self):
        while not self.over.wait(self.seconds / 30):
            self.sizes.append(self.size()['MiB'])

    def flood(self):
        while not self.over.is_set():
            with contextlib.suppress(OSError, ValueError, IndexError):
                began = time.monotonic()
                status, _ = self.ask(self.address, 'GET', '/api/workflows', headers=['X-Flood: one'])
                if status == 200:
                    with self.lock:
                        self.passed.append((began, time.monotonic()))
            time.sleep(0.005)

    def reload(self):
        """With a new key."""
        with self.log_folder:
            self.configure()
            status, body = self.admin('POST', '/reload')
        if status != 200:
            self.wrong.append(('reload', body.decode(errors='replace'), status))

    def reloads(self):
        while not self.over.wait(RELOAD_SECONDS):
            self.reload()

    def trouble(self):
        while not self.over.wait(4 + random.random() * 4):
            self.redis.trouble()
            with self.log_folder:
                (self.folder / 'log').rename(self.folder / 'away')
                self.process.send_signal(signal.SIGUSR1)
                time.sleep(0.5)
                (self.folder / 'away').rename(self.folder / 'log')
                self.process.send_signal(signal.SIGUSR1)

    def work(self, seconds):
        self.over.clear()
        self.sizes.clear()
        others = [self.flood] * FLOODERS + [self.reloads, self.trouble, self.watch]
        threads = [threading.Thread(target=f) for f in others]
        chats = self.start_chats()
        for thread in threads:
            thread.start()
        self.over.wait(seconds)
        self.over.set()
        for thread in threads:
            thread.join()
        self.end(chats)
        self.reload()  # and with it go the idle connections to the provider
        time.sleep(REST_SECONDS[self.streams > 0])
        return self.size()

    @staticmethod
    def end(chats):
        """The short ones are read to their ends; the clients of the others leave."""
        for chat in chats[:CLIENTS]:
            chat.result()
        for chat in chats[CLIENTS:]:
            if not chat.cancel():
                chat.result()

    def growth(self):
        """Of the resident memory under load, MiB, from the second third of the time to the last."""
        third = len(self.sizes) // 3
        middle, last = self.sizes[third:2 * third], self.sizes[2 * third:]
        return statistics.median(last) - statistics.median(middle) if middle else math.inf

    def most_in_a_window(self):
        """Of the requests that surely began and ended within some span of the window."""
        most = 0
        for start, _ in self.passed:
            most = max(most, sum(1 for began, ended in self.passed if began >= start and ended < start + WINDOW))
        return most

    # ---- The checks

    def checks(self):
        before = self.work(max(WARM_UP_SECONDS[self.streams > 0], self.seconds / 10))
        after = self.work(self.seconds)
        print(f'sizes: {before} then {after}; MiB under load: {self.sizes}; '
              f'chats: {dict(self.outcomes)}; the provider died {self.provider.died} times; '
              f'passed of the flood: {len(self.passed)}', flush=True)
        whole = self.outcomes['whole'], self.outcomes['slow whole']
        yield 'chats are answered whole', whole[0] > 0 and (whole[1] > 0) == (self.streams > 0), whole
        yield 'no response has a wrong byte, and no reload is refused', not self.wrong, self.wrong[:3]
        yield 'memory does not grow under load', self.growth() <= GROWTH_MIB, self.sizes
        most = self.most_in_a_window()
        yield f'never more than {LIMIT} in {WINDOW:.0f} s pass', 0 < most <= LIMIT, most
        self.provider.keys.clear()
        time.sleep(2.5)
        yield 'only the newest key is in use', set(self.provider.keys) <= {f'key-{self.key}'}, self.provider.keys
        for what, more in (('descriptors', 10), ('threads', 6), ('children', 0),
                           ('upstream streams', 0), ('MiB', 16)):
            yield f'{what} are what they were', after[what] <= before[what] + more, (before[what], after[what])
        self.over.clear()
        chats = self.start_chats()
        time.sleep(1)
        self.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self.over.set()
        self.end(chats)
        yield 'SIGTERM ends it in time', self.process.poll() == 0 and time.monotonic() - began < 15, self.process.poll()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.redis.stop()


def connections_to(port):
    """Those that are established or that only the other side has closed (tcp(7): 1 and 8)."""
    rows = [line.split() for line in Path('/proc/net/tcp').read_text().splitlines()[1:]]
    return sum(row[2].endswith(f':{port:04X}') and row[3] in ('01', '08') for row in rows)


def address_of(text):
    host, _, port = text.rpartition(':')
    return host, int(port)


def request(method, path, body, headers):
    head = [f'{method} {path} HTTP/1.1', 'Host: localhost', 'Connection: close', f'X-Extension-ID: {EXTENSION}',
            f'Content-Length: {len(body)}', *headers, '', '']
    return '\r\n'.join(head).encode() + body


def read(answer):
    """The text of a chat's stream, and how it ended."""
    head, _, body = answer.partition(b'\r\n\r\n')
    if not head.startswith(b'HTTP/1.1 200 '):
        return '', head.split(b'\r\n')[0].decode() or 'nothing'
    if b'Transfer-Encoding: chunked' in head:
        body, rest = b'', body
        while rest:
            size, _, rest = rest.partition(b'\r\n')
            body += rest[:int(size, 16)]
            rest = rest[int(size, 16) + 2:]
    text, outcome = '', 'cut'
    for line in body.decode(errors='replace').split('\n'):
        if line == 'data: [DONE]' and outcome == 'cut':
            outcome = 'whole'
        if line.startswith('data: {'):
            with contextlib.suppress(ValueError):   # the last line of an answer that breaks off
                event = json.loads(line[6:])
                if event['type'] == 'text-delta':
                    text += event['delta']
                if event['type'] == 'error':
                    outcome = 'error'
    return text, outcome


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--gatehouse', required=True)
    parser.add_argument('--seconds', type=float, default=30)
    parser.add_argument('--streams', type=int, default=0)
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    random.seed(options.seed)
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix='soak-') as folder:
        soak = Soak(os.path.abspath(options.gatehouse), folder, options.seconds,
                    options.streams)
        try:
            for name, good, detail in soak.checks():
                print(f'{"ok  " if good else "FAIL"} {name}' + ('' if good else f'\n     {detail}'), flush=True)
                passed, failed = passed + bool(good), failed + (not good)
        finally:
            soak.close()
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
