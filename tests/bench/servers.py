"""What is measured: the servers, and how each is sent a chat."""
import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import traffic

HERE = pathlib.Path(__file__).resolve().parent
CONFORMANCE = HERE.parent / 'conformance'
PORTKEY = HERE / 'node_modules/@portkey-ai/gateway/build/start-server.js'
PR_SET_PDEATHSIG = 1
START_SECONDS = 120             # valgrind and Node.js take their time


@dataclasses.dataclass
class Request:
    path: str
    body: object = None         # a function of traffic
    model: str = 'gemini-2.5-flash'
    headers: tuple = ()
    status: int = 200

    def to(self, model):
        return dataclasses.replace(self, model=model)

    def flags(self, folder, lane):
        """For bench_load."""
        flags = ['--path', self.path, '--status', self.status]
        for header in self.headers:
            flags += ['--header', header]
        if self.body:
            flags += ['--body', traffic.write_body(folder, self.body, lane.size, self.model)]
            flags += ['--events', lane.events if self.status == 200 else 0]
        return flags


GEMINI_PATH = '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse'
LOCAL = Request('/health')
GEMINI = Request(GEMINI_PATH, traffic.gemini, headers=('x-goog-api-key: bench-key',))
OPENAI = Request('/v1/chat/completions', traffic.openai, 'gpt-4.1-mini',
                 ('authorization: Bearer bench-key',))
UI = Request('/api/chat', traffic.ui, headers=(
    'X-Extension-ID: abcdefghijklmnopabcdefghijklmnop', 'X-Extension-Version: 1.0.0'))
# What a proxy passes through is the request of the provider.
PROXIED = {
    'local': LOCAL, 'chat': GEMINI, 'chat-openai': OPENAI, 'completions-gemini': GEMINI,
    'completions-openai': OPENAI,
    'limited': dataclasses.replace(GEMINI, path='/limited' + GEMINI_PATH, status=429)}
# Plugins that only one lane needs, by the variables of gatehouse.yaml.
EXTRAS = {'limited': 'BENCH_LIMITED', 'hit': 'BENCH_CACHED', 'tool': 'BENCH_TOOLS',
          'chat-openai': 'BENCH_APIS', 'completions-gemini': 'BENCH_APIS',
          'completions-openai': 'BENCH_APIS'}


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Server:
    """A process that listens on `port`. In its command {port} stands for that, and {config} for
    `config` with its @NAME@s replaced."""

    def __init__(self, name, command, requests, upstream=None, config=None, extras=(), **more):
        self.name, self.command, self.requests = name, list(map(str, command)), requests
        self.upstream, self.config, self.environment = upstream, config, more
        self.extras, self.extra = dict(extras), None
        self.port, self.process, self.start_ms = None, None, 0

    def start(self, folder, request='chat'):
        self.port, self.extra = free_port(), self.extras.get(request)
        config = self.config and self.write_config(folder)
        command = [w.replace('{port}', str(self.port)).replace('{config}', str(config))
                   for w in self.command]
        extra = {self.extra: '1'} if self.extra else {}
        began = time.monotonic()
        output = folder / f'{self.name}.log'
        with output.open('ab') as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=die_with_parent,
                env={**os.environ, 'PORT': str(self.port), **self.environment, **extra})
        while not self.accepts():
            if self.process.poll() is not None or time.monotonic() - began > START_SECONDS:
                self.stop()
                sys.exit(f'{self.name} did not start:\n{output.read_text()}')
            time.sleep(0.001)
        self.start_ms = (time.monotonic() - began) * 1000

    def write_config(self, folder):
        text = (HERE / self.config).read_text()
        for name, value in (('FOLDER', folder), ('PORT', self.port),
                            ('UPSTREAM_PORT', self.upstream.port)):
            text = text.replace(f'@{name}@', str(value))
        (folder / self.config).write_text(text)
        return folder / self.config

    def accepts(self):
        with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', self.port), 1):
            return True
        return False

    def prepare(self, folder, lane):
        """Runs, with what the lane needs. True: it was started for that, and is cold."""
        runs = self.process and self.process.poll() is None
        if runs and self.extras.get(lane.request) == self.extra and not lane.fresh:
            return False
        self.stop()
        self.start(folder, lane.request)
        return True

    def stop(self):
        if not self.process:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Upstream(Server):
    """bench_upstream, which chooses its port. As a target it shows what nothing between costs."""

    def __init__(self, program):
        super().__init__('direct', [program], {'chat': GEMINI})
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=die_with_parent)
        self.port = int(self.process.stdout.readline().split()[1])
        self.url = f'http://127.0.0.1:{self.port}'

    def prepare(self, folder, lane):
        return False

    def set(self, shape):
        request = urllib.request.Request(f'{self.url}/set?{shape}', method='POST')
        with urllib.request.urlopen(request, timeout=5) as response:
            response.read()


def gatehouse(name, program, upstream):
    chats = {'local': LOCAL, 'chat': UI, 'hit': UI, 'chat-openai': UI.to('gpt-4.1-mini'),
             'tool': dataclasses.replace(UI, body=traffic.ui_tool),
             'limited': dataclasses.replace(UI, status=429),
             'completions-gemini': OPENAI.to('gemini-2.5-flash'), 'completions-openai': OPENAI}
    return Server(name, [program, 'serve', HERE / 'gatehouse.yaml'], chats, extras=EXTRAS,
                  UPSTREAM=upstream.url)


def nginx(upstream):
    cached = dataclasses.replace(GEMINI, path='/cached' + GEMINI_PATH)
    return Server('nginx', ['nginx', '-e', 'stderr', '-c', '{config}'], {**PROXIED, 'hit': cached},
                  upstream, 'nginx.conf')


def haproxy(upstream):
    return Server('haproxy', ['haproxy', '-db', '-f', '{config}'], PROXIED, upstream,
                  'haproxy.cfg')


def portkey(upstream):
    def completions(provider, url, model):
        headers = (f'x-portkey-provider: {provider}', f'x-portkey-custom-host: {url}')
        return dataclasses.replace(OPENAI.to(model), headers=OPENAI.headers + headers)
    openai = completions('openai', upstream.url + '/v1', OPENAI.model)
    return Server('portkey', ['node', PORTKEY, '--port={port}', '--headless'],
                  {'local': Request('/'), 'chat': openai, 'completions-openai': openai,
                   'completions-gemini': completions('google', upstream.url, GEMINI.model)},
                  NODE_ENV='production')


def reference(upstream, folder):
    """The original design, on the AI SDK."""
    (folder / 'mcp.json').write_text(json.dumps({'servers': [
        {'name': 'bench', 'transport': 'http', 'url': f'{upstream.url}/mcp'}]}))
    return Server('reference', [
        'node', CONFORMANCE / 'reference-backend.mjs', '--port', '{port}', '--timeout', 120000,
        '--base-url', f'{upstream.url}/v1beta', '--mcp', folder / 'mcp.json'],
        {'local': LOCAL, 'chat': UI, 'tool': dataclasses.replace(UI, body=traffic.ui_tool)},
        NODE_ENV='production')
