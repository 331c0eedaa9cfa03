#!/usr/bin/env python3
"""Measures the gateway beside nginx on this machine and prints a Markdown table. See README.md."""
import argparse
import contextlib
import ctypes
import json
import os
import pathlib
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 3
BUDGET_S = 290            # then no sample is repeated and no lane begun, so that the whole run stays under six minutes
QUIET_CORES = 0.2         # of other people's CPU time; a noisier sample is taken again
KERNEL_STACK_KIB = 16     # of each thread, x86-64
TICKS = os.sysconf('SC_CLK_TCK')
STARTED = time.monotonic()
PR_SET_PDEATHSIG = 1

PATHS = {'gemini': '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse',
         'openai': '/v1/chat/completions'}
KEY_HEADERS = {'gemini': 'x-goog-api-key: bench-key', 'openai': 'authorization: Bearer bench-key'}
MODELS = {'gemini': 'gemini-2.5-flash', 'openai': 'gpt-4.1-mini'}
BARE = ['chat', 'gemini']
# The default one but for the cache, which would answer every request of the load but the first.
PIPELINE = ['access-log', 'cors', 'health', 'metrics', 'extension-auth', 'throttler', 'chat', 'tools', 'workflows', 'mcp', 'retry', 'gemini']
CACHED = [*PIPELINE[:9], 'cache', *PIPELINE[9:]]
CONVERSATION = [
    ('user',
     'Our shop ships to three countries and the tax differs for each. Where should the rates live, in the code or in the database? '
     'We are four people, we release every second week, and our accountant would like to see the rates without asking one of us.'),
    ('assistant',
     'Keep them in the database, with the date from which each rate is valid. A rate changes by law, not by release, and old '
     'invoices must still add up the way they were printed. The code then only looks up the rate for a country and a day. A '
     'small page that lists the table is enough for your accountant, and a change to it should need two of you. Do not round the '
     'rate itself, and keep the amount before tax beside the amount of tax on the invoice: a sum that was rounded once cannot '
     'be taken apart again, and an audit will ask you to.'),
    ('user',
     'And if the database cannot be reached while somebody pays? It happened twice this year, both times for about ten minutes.'),
    ('assistant',
     'Read the rates at start and again every few minutes, and keep the last good set in memory. Refuse to start without one, '
     'but never refuse a payment because a refresh failed: rates are announced weeks ahead, so a set that is an hour old is as '
     'good as a new one. Log how old the set is, and raise an alarm when it is older than a day.'),
    ('user',
     'Good. Write the lookup as a function that takes the country and the day, and a test for the day on which a rate changes. '
     'Use whole cents, not floating point, and say in a comment which rounding the law asks for. If two rates of one country '
     'overlap, take the one that began last.'),
]


def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--gatehouse', default='build/bin/gatehouse', help='the gateway (its plugins are in ../lib/gatehouse/plugins)')
    p.add_argument('--tools', help='where bench_upstream and bench_load are; default: beside the gateway')
    p.add_argument('--only', choices=LANES, action='append', help='a lane to run; default: all')
    p.add_argument('--plugin-cost', action='store_true', help='only: what each plugin of the default pipeline adds to a chat')
    return p.parse_args()


# ---- Processes ------------------------------------------------------------------------------------------------------

def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def cpu_seconds(pid):
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def busy_seconds():
    """Of all cores and all processes."""
    user, nice, system, _idle, _iowait, irq, softirq = map(int, pathlib.Path('/proc/stat').read_text().split('\n', 1)[0].split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS


class Server:
    """A process that listens, with its children. Ends with the `with` block."""

    def __init__(self, command, **popen):
        self.child = subprocess.Popen(command, preexec_fn=die_with_parent, **popen)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def pids(self):
        found = [self.child.pid]
        for entry in pathlib.Path('/proc').glob('[0-9]*/stat'):
            with contextlib.suppress(OSError):
                if int(entry.read_text().rsplit(')', 1)[1].split()[1]) == self.child.pid:
                    found.append(int(entry.parent.name))
        return found

    def cpu(self):
        return sum(map(cpu_seconds, self.pids()))

    def status(self, field):
        """A number from /proc/PID/status: VmRSS (KiB) or Threads."""
        return sum(int(line.split()[1]) for pid in self.pids()
                   for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines() if line.startswith(field + ':'))

    def wait_until(self, ready, log):
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and self.child.poll() is None:
            if (result := ready()) is not None:
                return result
            time.sleep(0.02)
        self.__exit__()
        sys.exit(f'{self.child.args[0]} did not start:\n{log.read_text() if log.exists() else ""}')


class Upstream(Server):
    def __init__(self, bench, *lanes):
        super().__init__([bench.tools / 'bench_upstream', *lanes], stdout=subprocess.PIPE, text=True)
        self.ports = {}
        for _ in lanes:
            _listening, port, lane = self.child.stdout.readline().split()
            self.ports[lane] = int(port)


class Nginx(Server):
    name = 'nginx'

    def __init__(self, bench, upstream_port, api='gemini'):
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            self.port = free.getsockname()[1]
        folder = pathlib.Path(tempfile.mkdtemp(dir=bench.folder))
        temporary = '\n'.join(f'{module}_temp_path {folder}/{module};' for module in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
        (folder / 'nginx.conf').write_text(f'''
daemon off;
worker_processes {os.cpu_count()};
worker_rlimit_nofile {bench.max_files};
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections {bench.max_files - 100}; }}
http {{
  {temporary}
  log_format bench escape=json '{{"time":"$time_iso8601","method":"$request_method","path":"$uri","status":$status,"bytes":$bytes_sent,'
                               '"s":$request_time,"peer":"$remote_addr","request_id":"$request_id"}}';
  access_log {folder}/access.log bench buffer=4k flush=1s;
  keepalive_requests 100000000;
  tcp_nodelay on;
  upstream model {{ server 127.0.0.1:{upstream_port}; keepalive 1024; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{self.port} backlog=4096 reuseport;
    location = /livez {{ default_type text/plain; return 200 'ok'; }}
    location / {{
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
''')
        super().__init__(['nginx', '-p', folder, '-c', folder / 'nginx.conf', '-e', folder / 'error.log'])
        self.wait_until(self.accepts, folder / 'error.log')
        self.chat = bench.raw_chat(self.port, api)

    def accepts(self):
        with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', self.port), 1):
            return True
        return None


class Redis(Server):
    def __init__(self, bench):
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            self.port = free.getsockname()[1]
        self.url = f'redis://127.0.0.1:{self.port}'
        super().__init__(['redis-server', '--port', str(self.port), '--bind', '127.0.0.1', '--dir', bench.folder, '--save', ''], stdout=subprocess.DEVNULL)
        self.wait_until(self.accepts, bench.folder / 'none')

    accepts = Nginx.accepts


class Gateway(Server):
    name = 'gateway'

    def __init__(self, bench, upstream_port, pipeline=PIPELINE, store='memory'):
        folder = pathlib.Path(tempfile.mkdtemp(dir=bench.folder))
        (folder / 'workflows.json').write_text('{"workflows": {"general": {"name": "General", "systemPrompt": "Help."}}}')
        settings = {'gemini': {'api_key': 'bench-key', 'base_url': f'http://127.0.0.1:{upstream_port}/v1beta'},
                    'openai': {'api_key': 'bench-key', 'base_url': f'http://127.0.0.1:{upstream_port}/v1'},
                    'chat': {'models': list(MODELS.values()), 'default_model': MODELS['gemini']},
                    'completions': {'anyone': True},
                    'throttler': {'limit': 100000, 'window': '1s'}, 'workflows': {'file': 'workflows.json'}, 'cache': {'ttl': '1h'}}
        config = {
            'store': store,
            'server': {'listen': '127.0.0.1:0', 'max_running': 8000},
            'log': {'file': str(folder / 'log.json')},
            'plugins_dir': str(bench.gatehouse.parent.parent / 'lib/gatehouse/plugins'),
            'pipeline': [{name: settings[name]} if name in settings else name for name in pipeline],
        }
        self.log = folder / 'log.json'
        (folder / 'gatehouse.yaml').write_text(json.dumps(config))  # JSON is YAML
        output = folder / 'output'
        with output.open('w') as out:
            super().__init__([bench.gatehouse, 'serve', folder / 'gatehouse.yaml'], stdout=out, stderr=subprocess.STDOUT)
        self.port = self.wait_until(self.listening, output)
        headers = ['--header', 'X-Extension-ID: abcdefghijklmnopabcdefghijklmnop', '--header', 'X-Extension-Version: 1.0.0', '--done']
        provider = pipeline[-1]
        if 'completions' in pipeline:
            self.chat = ['--port', self.port, '--path', PATHS['openai'], '--body', bench.completions_bodies[provider]]
        else:
            self.chat = ['--port', self.port, '--path', '/api/chat', '--body', bench.chat_bodies.get(provider), *headers]

    def listening(self):
        with contextlib.suppress(FileNotFoundError):
            for line in self.log.read_text().splitlines():
                if '"listening"' in line:
                    return int(json.loads(line)['address'].rsplit(':', 1)[1])
        return None


# ---- Measuring ------------------------------------------------------------------------------------------------------

class Bench:
    def __init__(self, arguments, folder):
        self.gatehouse = pathlib.Path(arguments.gatehouse).resolve()
        self.tools = pathlib.Path(arguments.tools).resolve() if arguments.tools else self.gatehouse.parent
        self.folder = folder
        self.max_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.max_files, self.max_files))
        # One conversation, as each API wants it, in bodies of the same size.
        def ours(model):
            return {'model': model, 'threadId': 'bench', 'messages': [
                {'id': f'm{i}', 'role': role, 'parts': [{'type': 'text', 'text': text}]} for i, (role, text) in enumerate(CONVERSATION)]}

        def openai(model):
            return {'model': model, 'max_tokens': 4000, 'temperature': 0.7, 'stream': True, 'stream_options': {'include_usage': True},
                    'messages': [{'role': role, 'content': text} for role, text in CONVERSATION]}
        gemini = {'generationConfig': {'maxOutputTokens': 4000, 'temperature': 0.7}, 'contents': [
            {'role': 'model' if role == 'assistant' else role, 'parts': [{'text': text}]} for role, text in CONVERSATION]}
        self.size = len(json.dumps(ours(MODELS['gemini'])))
        self.chat_bodies = {api: self.write(f'chat-{api}', ours(model)) for api, model in MODELS.items()}
        self.completions_bodies = {api: self.write(f'completions-{api}', openai(model)) for api, model in MODELS.items()}
        self.raw_bodies = {'gemini': self.write('gemini', gemini), 'openai': self.completions_bodies['openai']}
        self.noise = 0.0

    def write(self, name, body):
        path = self.folder / f'{name}.json'
        path.write_text(json.dumps(body).ljust(self.size))
        return path

    def raw_chat(self, port, api='gemini'):
        return ['--port', port, '--path', PATHS[api], '--body', self.raw_bodies[api], '--header', KEY_HEADERS[api]]

    def load(self, mode, connections, seconds, *arguments):
        command = [self.tools / 'bench_load', mode, '--connections', connections, '--seconds', seconds, *arguments]
        done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=seconds + 20, check=True)
        result = json.loads(done.stdout)
        if result['errors'] or result['unfinished'] or set(result['status']) != {'200'}:
            sys.exit(f'{command} failed: {result}')
        return result

    def sample(self, server, mode, connections, seconds, arguments, others):
        """One run of the load, with the CPU time of `server`. On a busy machine up to three, of which the quietest counts."""
        best = None
        for _ in range(3):
            mine = {server, *others}
            began = time.monotonic()
            busy, server_cpu, own = busy_seconds(), server.cpu(), own_seconds() + sum(s.cpu() for s in mine)
            result = self.load(mode, connections, seconds, *arguments)
            own = own_seconds() + sum(s.cpu() for s in mine) - own
            result['cpu_us'] = (server.cpu() - server_cpu) * 1e6
            result['foreign_cores'] = max(0.0, (busy_seconds() - busy - own) / (time.monotonic() - began))
            if best is None or result['foreign_cores'] < best['foreign_cores']:
                best = result
            if best['foreign_cores'] <= QUIET_CORES or time.monotonic() - STARTED > BUDGET_S:
                break
        self.noise = max(self.noise, best['foreign_cores'])
        return best

    def rounds(self, targets, mode, connections, seconds, others=()):
        """targets: {name: (server, arguments)}. The samples of each, from rounds in which every target had its turn."""
        samples = {name: [] for name in targets}
        if mode == 'loop':
            for _, arguments in targets.values():
                self.load(mode, connections, 0.2, *arguments)  # warms up
        for _ in range(ROUNDS):
            for name, (server, arguments) in targets.items():
                samples[name].append(self.sample(server, mode, connections, seconds, arguments, others))
        return samples


def own_seconds():
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def per(samples, count):
    return [s['cpu_us'] / s[count] for s in samples]


def row(lane, what, ours, theirs, unit, goal='', digits=1):
    """ours and theirs: a value per round; the ratio is the median of the rounds' ratios."""
    ratio = statistics.median(a / b for a, b in zip(ours, theirs)) if all(theirs) else float('nan')
    values = ' | '.join(f'{statistics.median(v):,.{digits}f} {unit}' for v in (ours, theirs))
    return f'| {lane} | {what} | {values} | {ratio:.2f} | {goal} |'


# ---- Lanes ----------------------------------------------------------------------------------------------------------

def lane_local(bench):
    """An answer that needs no upstream."""
    path = ['--path', '/livez']
    with Nginx(bench, 9) as nginx, Gateway(bench, 9) as full, Gateway(bench, 9, ['health']) as alone:
        targets = {'nginx': (nginx, ['--port', nginx.port, *path]), 'default pipeline': (full, ['--port', full.port, *path]),
                   'health alone': (alone, ['--port', alone.port, *path])}
        for connections in (64, 1000):
            s = bench.rounds(targets, 'loop', connections, 2)
            rate = {name: [x['per_second'] for x in samples] for name, samples in s.items()}
            for name in ('default pipeline', 'health alone'):
                what = f'{name}, {connections:,} connections'
                yield row('local', what, rate[name], rate['nginx'], 'requests/s', 'ratio ≥ 0.95', 0)
                yield row('local', what, per(s[name], 'requests'), per(s['nginx'], 'requests'), 'µs CPU/request')


def lane_chat(bench):
    """A 2 KB chat, answered with ten events, 32 connections."""
    with Upstream(bench, 'each:10', 'once:10') as upstream:
        for lane, how in (('each:10', 'an event per send'), ('once:10', 'one send')):
            port = upstream.ports[lane]
            with Nginx(bench, port) as nginx, Gateway(bench, port) as gateway:
                s = bench.rounds({x.name: (x, x.chat) for x in (nginx, gateway)}, 'loop', 32, 2, [upstream])
            yield row('chat', how, per(s['gateway'], 'requests'), per(s['nginx'], 'requests'), 'µs CPU/chat', 'ratio ≤ 1.5')
            yield row('chat', how, *([x['per_second'] for x in s[name]] for name in ('gateway', 'nginx')), 'chats/s', digits=0)


def lane_apis(bench):
    """The chat of lane_chat by each API of clients and each of providers. nginx passes the provider's through."""
    above, below = PIPELINE[:4], PIPELINE[-2:-1]
    ingresses = {'chat': PIPELINE[:-1], 'completions': [*above, 'completions', *below]}
    lanes = {'gemini': 'each:10', 'openai': 'openai-each:10'}
    with Upstream(bench, *lanes.values()) as upstream:
        for provider, lane in lanes.items():
            port = upstream.ports[lane]
            with Nginx(bench, port, provider) as nginx, contextlib.ExitStack() as stack:
                gateways = {name: stack.enter_context(Gateway(bench, port, [*plugins, provider])) for name, plugins in ingresses.items()}
                s = bench.rounds({'nginx': (nginx, nginx.chat), **{name: (g, g.chat) for name, g in gateways.items()}}, 'loop', 32, 2, [upstream])
            for name in gateways:
                what = f'{name} → {provider}'
                yield row('apis', what, per(s[name], 'requests'), per(s['nginx'], 'requests'), 'µs CPU/chat', 'ratio ≤ 1.5')
                yield row('apis', what, *([x['per_second'] for x in s[key]] for key in (name, 'nginx')), 'chats/s', digits=0)


def lane_stream(bench):
    """100 streams of 200 events, one each 20 ms."""
    with Upstream(bench, 'every:200:20') as upstream, contextlib.ExitStack() as stack:
        port = upstream.ports['every:200:20']
        servers = [stack.enter_context(kind(bench, port)) for kind in (Nginx, Gateway)]
        ramp = ['--ramp', 0.9]  # so that the streams do not all move at the same moment
        s = bench.rounds({x.name: (x, x.chat + ramp) for x in servers}, 'streams', 100, 10, [upstream])
    ours, theirs = s['gateway'], s['nginx']
    yield row('stream', '100 streams, an event every 20 ms', per(ours, 'events'), per(theirs, 'events'), 'µs CPU/event')
    for p in ('p50', 'p99'):
        times = ([x[f'event_{p}_ms'] for x in samples] for samples in (ours, theirs))
        yield row('stream', f'from sending to receipt, {p}', *times, 'ms', '≤ 50' if p == 'p99' else '', digits=3)


def lane_latency(bench):
    """What a server adds to the time of a chat, one client."""
    with Upstream(bench, 'once:10') as upstream:
        port = upstream.ports['once:10']
        with Nginx(bench, port) as nginx, Gateway(bench, port) as gateway:
            s = bench.rounds({'direct': (upstream, bench.raw_chat(port)), 'nginx': (nginx, nginx.chat), 'gateway': (gateway, gateway.chat)},
                             'loop', 1, 1, [upstream])
    added = {name: [x['p50_ms'] - direct['p50_ms'] for x, direct in zip(s[name], s['direct'])] for name in ('nginx', 'gateway')}
    yield row('latency', 'added to a chat, p50', added['gateway'], added['nginx'], 'ms', digits=3)


def lane_memory(bench):
    """What an idle connection and an open stream take."""
    most = (bench.max_files - 1000) // 2
    with Upstream(bench, 'every:60:1000') as upstream:
        port = upstream.ports['every:60:1000']
        for what, goal in (('idle connection', '≤ 16'), ('open stream', '≤ 64')):
            for wanted in (1000, 5000):
                count = min(wanted, most)
                ours, theirs = (held_memory(bench, kind, port, what, count) for kind in (Gateway, Nginx))
                threads = ours['threads']
                stacks = threads * KERNEL_STACK_KIB / count
                label = f'{what}, {count:,} held' + ('' if count == wanted else f' ({wanted:,} need more descriptors)')
                yield row('memory', f'{label}: resident', [ours['kib']], [theirs['kib']], 'KiB each')
                yield row('memory', f'{label}: with {threads:,} more threads', [ours['kib'] + stacks], [theirs['kib']], 'KiB each', goal)


def held_memory(bench, kind, port, what, count):
    """Growth of a fresh server per connection, with `count` of them held."""
    with kind(bench, port) as server:
        arguments = ['--port', server.port, '--path', '/livez'] if what == 'idle connection' else server.chat
        bench.load('loop', 4, 0.2, '--port', server.port, '--path', '/livez')
        before = {field: server.status(field) for field in ('VmRSS', 'Threads')}
        command = [bench.tools / 'bench_load', 'hold', '--connections', count, '--seconds', 30, '--ramp', count / 2500, *arguments]
        pipes = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE, 'text': True}
        with subprocess.Popen(list(map(str, command)), preexec_fn=die_with_parent, **pipes) as client:
            if client.stdout.readline() != 'holding\n':
                sys.exit(f'{command} could not open its connections')
            time.sleep(1)
            growth = {field: server.status(field) - before[field] for field in before}
            client.stdin.close()
            result = json.loads(client.stdout.readline())
        if result['errors']:
            sys.exit(f'{command} failed: {result}')
        return {'kib': growth['VmRSS'] / count, 'threads': growth['Threads']}


def lane_cache(bench):
    """An answer from the cache beside one that the gateway makes itself, and what keeping it in Redis adds."""
    with Upstream(bench, 'once:10') as upstream, Redis(bench) as redis, contextlib.ExitStack() as stack:
        port = upstream.ports['once:10']
        memory, shared = (stack.enter_context(Gateway(bench, port, CACHED, store)) for store in ('memory', redis.url))
        local = ['--port', memory.port, '--path', '/health']
        s = bench.rounds({'local': (memory, local), 'memory': (memory, memory.chat), 'redis': (shared, shared.chat)}, 'loop', 32, 2, [upstream, redis])
        one = bench.rounds({'memory': (memory, memory.chat), 'redis': (shared, shared.chat)}, 'loop', 1, 1, [upstream, redis])
    rate = {name: [x['per_second'] for x in samples] for name, samples in s.items()}
    yield row('cache', 'hit beside GET /health', rate['memory'], rate['local'], 'requests/s', 'ratio ≥ 0.9', 0)
    yield row('cache', 'hit beside GET /health', per(s['memory'], 'requests'), per(s['local'], 'requests'), 'µs CPU')
    yield row('cache', 'hit from Redis beside memory, 32 connections', rate['redis'], rate['memory'], 'requests/s', digits=0)
    yield row('cache', 'the same, one connection, p50', *([x['p50_ms'] for x in one[name]] for name in ('redis', 'memory')), 'ms', digits=3)


LANES = {'cache': lane_cache, 'local': lane_local, 'chat': lane_chat, 'apis': lane_apis, 'stream': lane_stream, 'latency': lane_latency, 'memory': lane_memory}


def plugin_cost(bench):
    """A chat through the default pipeline beside one through the pipeline without one plugin."""
    with Upstream(bench, 'once:10') as upstream, contextlib.ExitStack() as stack:
        port = upstream.ports['once:10']
        optional = [name for name in CACHED if name not in BARE]
        pipelines = {'nothing': CACHED, 'all': BARE, **{name: [p for p in CACHED if p != name] for name in optional}}
        gateways = {left_out: stack.enter_context(Gateway(bench, port, pipeline)) for left_out, pipeline in pipelines.items()}
        # The cache looks for nothing but keeps each answer: its dearest way.
        s = bench.rounds({name: (g, [*g.chat, '--header', 'Cache-Control: no-cache']) for name, g in gateways.items()}, 'loop', 8, 1, [upstream])
    full = per(s['nothing'], 'requests')
    yield f'| whole pipeline | {statistics.median(full):.1f} |'
    yield f'| all but {" and ".join(BARE)} | {statistics.median(a - b for a, b in zip(full, per(s["all"], "requests"))):+.1f} |'
    for name in optional:
        yield f'| {name} | {statistics.median(a - b for a, b in zip(full, per(s[name], "requests"))):+.1f} |'


def main():
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix='gatehouse-bench-') as folder:
        os.chmod(folder, 0o755)  # nginx's workers may be another user
        bench = Bench(arguments, pathlib.Path(folder))
        print(f'{os.cpu_count()} cores, chat body {bench.size} bytes, {bench.max_files} descriptors\n')
        if arguments.plugin_cost:
            print('| plugin | µs CPU per chat |\n|---|---|', *plugin_cost(bench), sep='\n')
        else:
            print('| lane | what | gateway | nginx | ratio | goal |\n|---|---|---|---|---|---|')
            for name, lane in LANES.items():
                if arguments.only and name not in arguments.only:
                    continue
                if time.monotonic() - STARTED > BUDGET_S:
                    print(f'| {name} | left out: out of time | | | | |')
                    continue
                for line in lane(bench):
                    print(line, flush=True)
        print(f'\n{time.monotonic() - STARTED:.0f} s; other processes took at most {bench.noise:.2f} cores during a sample.')


if __name__ == '__main__':
    main()
