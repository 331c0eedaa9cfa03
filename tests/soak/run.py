#!/usr/bin/env python3
"""Everything at once, for as long as it is told: chats, tools, a flood, reloads, and faults on every side.

    run.py --gatehouse build/bin/gatehouse [--seconds 30] [--seed 1]

The provider breaks off, refuses and hangs; Redis freezes and is replaced; tool servers end, hang and are slow; the folder of
the log goes away; clients leave and do not read; the configuration is reloaded every five seconds, with a new key each time.
Then: no answer has a wrong byte, no limit was exceeded, no old key is in use, descriptors, threads, children and memory are
what they were, and SIGTERM ends it in time under load. One line per check, last line 'N passed, N failed'.
"""
import argparse
import collections
import contextlib
import http.server
import json
import os
import random
import signal
import socket
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
REST_SECONDS = 8.0              # in which what has ended is given back


def expected(question):
    """What the provider says to a question."""
    return ''.join(f'{question} {i} äß€ ' for i in range(sum(question.encode()) % 60 + 1))


class Provider(http.server.ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 256

    def __init__(self):
        super().__init__(('127.0.0.1', 0), ProviderHandler)
        self.keys = collections.Counter()   # since the last reload
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *_):
        pass


class ProviderHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        self.server.keys[self.headers['x-goog-api-key']] += 1
        self.reply(200, b'{}')

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        self.server.keys[self.headers['x-goog-api-key']] += 1
        question = next(part['text'] for part in body['contents'][0]['parts'] if 'text' in part)
        chance = random.random()
        try:
            if chance < 0.05:
                return self.reply(503, b'{}')
            if chance < 0.08:
                return self.break_off()
            if chance < 0.09:
                time.sleep(3)
            self.stream(question, asks_tool='tool' in question and 'functionResponse' not in json.dumps(body))
        except OSError:
            self.close_connection = True

    def stream(self, question, asks_tool):
        self.send_response(200)
        self.send_header('Content-Type', 'text/event-stream')
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        if asks_tool:
            calls = [{'functionCall': {'name': 'worker_work', 'args': {'n': n}}} for n in range(random.randint(1, 4))]
            return self.event({'candidates': [{'content': {'parts': calls}, 'finishReason': 'STOP'}]}, last=True)
        text = expected(question)
        while text:
            size = random.choice([1, 7, 300])
            self.event({'candidates': [{'content': {'parts': [{'text': text[:size]}]}}]})
            text = text[size:]
            if random.random() < 0.05:
                time.sleep(random.random() * 0.02)
            if random.random() < 0.001:
                return self.break_off()
        self.event({'candidates': [{'content': {'parts': []}, 'finishReason': 'STOP'}]}, last=True)

    def event(self, data, last=False):
        text = b'data: ' + json.dumps(data).encode() + b'\r\n\r\n'
        self.wfile.write(b'%x\r\n%s\r\n' % (len(text), text) + (b'0\r\n\r\n' if last else b''))

    def reply(self, status, body):
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def break_off(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_):
        pass


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
    def __init__(self, binary, folder, seconds):
        self.folder, self.seconds = Path(folder), seconds
        self.provider, self.redis = Provider(), Redis(folder)
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
        gemini = {'api_key': f'key-{self.key}', 'base_url': f'http://127.0.0.1:{self.provider.server_port}', 'probe_interval': '1s'}
        config = {
            'server': {'listen': '127.0.0.1:0', 'max_duration': '8s', 'send_timeout': '1s'},
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
        children = (proc / f'task/{self.process.pid}/children').read_text().split()
        for task in (proc / 'task').iterdir():
            with contextlib.suppress(OSError):
                children += (task / 'children').read_text().split()
        return {'descriptors': len(list((proc / 'fd').iterdir())), 'threads': int(status['Threads']), 'children': len(set(children)),
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

    def chat(self):
        wants_tool = random.random() < 0.2
        question = f'question {random.randint(0, 300)}' + (' with a tool' if wants_tool else '')
        body = {'messages': [{'id': '1', 'role': 'user', 'parts': [{'type': 'text', 'text': question}]}]}
        if wants_tool:
            body['toolSchemas'] = [{'name': 'worker_work', 'mcp': {'executionLocation': 'backend'}}]
        leaves = random.random()
        answer = b''
        with socket.create_connection(self.address, 10) as sock:
            sock.settimeout(15)
            sock.sendall(request('POST', '/api/chat', json.dumps(body).encode(), ['Content-Type: application/json']))
            if leaves > 0.98:
                time.sleep(1.5)         # does not read
            until = time.monotonic() + (random.random() * 0.2 if leaves < 0.2 else 20)
            while time.monotonic() < until and (piece := sock.recv(random.choice([50, 65536]))):
                answer += piece
        if leaves < 0.2:
            return 'left'
        text, outcome = read(answer)
        # Of an answer that has broken off, what has come must be right as well.
        if not expected(question).startswith(text) or (outcome == 'whole' and text != expected(question)):
            self.wrong.append((question, text[:200], outcome))
        return outcome

    def chats(self):
        while not self.over.is_set():
            try:
                outcome = self.chat()
            except OSError as e:
                outcome = type(e).__name__
            except ValueError as e:
                self.wrong.append(('framing', str(e)))
            with self.lock:
                self.outcomes[outcome] += 1

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
        """With a new key each time."""
        while not self.over.wait(RELOAD_SECONDS):
            with self.log_folder:
                self.configure()
                status, body = self.admin('POST', '/reload')
            if status != 200:
                self.wrong.append(('reload', body.decode(errors='replace'), status))

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
        threads = [threading.Thread(target=f) for f in [self.chats] * CLIENTS + [self.flood] * FLOODERS + [self.reload, self.trouble]]
        for thread in threads:
            thread.start()
        self.over.wait(seconds)
        self.over.set()
        for thread in threads:
            thread.join()
        time.sleep(REST_SECONDS)
        return self.size()

    def most_in_a_window(self):
        """Of the requests that surely began and ended within some span of the window."""
        most = 0
        for start, _ in self.passed:
            most = max(most, sum(1 for began, ended in self.passed if began >= start and ended < start + WINDOW))
        return most

    # ---- The checks

    def checks(self):
        before = self.work(max(10.0, self.seconds / 10))
        after = self.work(self.seconds)
        print(f'sizes: {before} then {after}; chats: {dict(self.outcomes)}; passed of the flood: {len(self.passed)}', flush=True)
        yield 'chats are answered whole', self.outcomes['whole'] > 0, self.outcomes
        yield 'no answer has a wrong byte, and no reload is refused', not self.wrong, self.wrong[:3]
        most = self.most_in_a_window()
        yield f'never more than {LIMIT} in {WINDOW:.0f} s pass', 0 < most <= LIMIT, most
        self.provider.keys.clear()
        time.sleep(2.5)
        yield 'only the newest key is in use', set(self.provider.keys) <= {f'key-{self.key}'}, self.provider.keys
        for what, more in (('descriptors', 10), ('threads', 6), ('children', 0), ('MiB', 16)):
            yield f'{what} are what they were', after[what] <= before[what] + more, (before[what], after[what])
        self.over.clear()
        clients = [threading.Thread(target=self.chats) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        time.sleep(1)
        self.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self.over.set()
        for client in clients:
            client.join()
        yield 'SIGTERM ends it in time', self.process.poll() == 0 and time.monotonic() - began < 15, self.process.poll()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.redis.stop()
        self.provider.shutdown()


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
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    random.seed(options.seed)
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix='soak-') as folder:
        soak = Soak(os.path.abspath(options.gatehouse), folder, options.seconds)
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
