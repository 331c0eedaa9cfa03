"""What the tests have: the list of them, and the gateway, providers and clients of each."""
import json
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parent / 'exchanges'), str(HERE.parent / 'attack')]
from checks import PATIENCE, Wrong, check, eventually  # noqa: E402
from client import Client, get  # noqa: E402
from gateway import Gateway, command, record  # noqa: E402
from provider import Provider  # noqa: E402

LOG_SECONDS = 3.0       # generous: records of plugins are gathered for a tenth of a second
START_SECONDS = 2.0     # in which a gateway that cannot start has said why
# Of Fixture.start(): a log in a file is told on standard output as well, where it is read.
LOG_IN_FILE = 'tail -F --pid=$$ gateway.log 2>/dev/null & exec "$@"'

TESTS = []


def test(function):
    """A test: a function that is given a Fixture and raises Wrong, or nothing."""
    TESTS.append(function)
    return function


class Fixture:
    """The folder, gateway, providers and clients of one test. At its end the gateway must exit with
    the expected status."""
    def __init__(self, binary):
        self.binary, self.gateway, self.status = binary, None, 0
        self.clients, self.providers = [], []
        self.temporary = tempfile.TemporaryDirectory(prefix='lifecycle-')
        self.folder = Path(self.temporary.name)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for client in self.clients:
            client.leave()
        for provider in self.providers:
            provider.close()
        try:
            if self.gateway and kind is None:
                self.stop()
        finally:
            if self.gateway and self.gateway.process.poll() is None:
                self.gateway.process.kill()
                self.gateway.process.wait()
            self.temporary.cleanup()

    # ---- The gateway

    def configure(self, *pipeline, server={}, **sections):
        """Writes the configuration: JSON, which is YAML."""
        config = {'server': {'listen': '127.0.0.1:0', **server}, **sections, 'pipeline': pipeline}
        return self.write('config.yaml', json.dumps(config, indent=1))

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def start(self, *pipeline, shell=None, env={}, pass_fds=(), **sections):
        """`shell`: a line for bash that ends in running "$@", the gateway."""
        binary = self.binary
        if shell:
            binary = self.write('start', f'#!/bin/bash\nset -- {self.binary} "$@"\n{shell}\n')
            binary.chmod(stat.S_IRWXU)
        self.gateway = Gateway(str(binary), str(self.configure(*pipeline, **sections)),
                               str(self.folder), {**os.environ, **env}, pass_fds=pass_fds)
        self.pid = self.gateway.process.pid

    def run(self, config, env={}, check=False):
        """Exit status and output of a gateway that cannot start, or of `gatehouse check`."""
        try:
            done = subprocess.run(command(self.binary, str(config), check),
                                  cwd=self.folder,
                                  env={**os.environ, **env},
                                  text=True,
                                  stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT,
                                  timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            raise Wrong(f'still running after {START_SECONDS} s') from None
        return done.returncode, done.stdout

    def stop(self):
        if self.gateway.process.poll() is None:
            self.gateway.signal('TERM')
        self.ends(self.status)

    def ends(self, status):
        self.status = status
        got = self.gateway.exit_status()
        check(
            got == status, 'after SIGTERM the gateway goes on'
            if got is None else f'the gateway ended with {got}, not {status}')

    def logged(self, **wanted):
        """Waits for a record with these members; a text only has to be in its value."""
        def fits(line):
            got = record(line)
            return all(
                key in got and (value in got[key] if isinstance(value, str) else value == got[key])
                for key, value in wanted.items())
        seen = 0    # each line is looked at once: a flood has thousands

        def has_come():
            nonlocal seen
            fresh, seen = self.gateway.lines[seen:], len(self.gateway.lines)
            return any(map(fits, fresh))
        check(self.gateway.wait_for(has_come, LOG_SECONDS), f'no log record has {wanted}')

    def thread_count(self):
        return len(os.listdir(f'/proc/{self.pid}/task'))

    def switches(self):
        """How often its threads have gone to sleep."""
        lines = [
            line for status in Path(f'/proc/{self.pid}/task').glob('*/status')
            for line in status.read_text().splitlines()
        ]
        return sum(
            int(line.split()[1]) for line in lines if line.startswith('voluntary_ctxt_switches'))

    def is_sanitized(self):
        """Such a build keeps what is freed for a while: its memory says nothing."""
        program = Path(self.binary).read_bytes()
        return b'__asan_init' in program or b'__tsan_init' in program

    def peak_mb(self):
        """The most memory that it has had."""
        status = Path(f'/proc/{self.pid}/status').read_text()
        return next(
            int(line.split()[1]) for line in status.splitlines() if line.startswith('VmHWM')) / 1024

    def cpu_seconds(self):
        fields = Path(f'/proc/{self.pid}/stat').read_text().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf(
            'SC_CLK_TCK')    # utime, stime: proc(5)

    # ---- The others

    def provider(self, script=None):
        self.providers.append(Provider(script))
        return self.providers[-1]

    def client(self, request=b'', address=None, **options):
        self.clients.append(Client(address or self.gateway.address, request, **options))
        return self.clients[-1]

    def take(self, provider):
        """The next request that `provider` gets."""
        call = provider.take(PATIENCE)
        check(call, 'the provider was not asked')
        return call

    def check_healthy(self, address=None, **options):
        """Someone new is served, at once or nearly so."""
        answer = self.client(get(), address, **options).answer(2.0)
        check(answer.status == 200, f'/health answers {answer.status}')

    def wait_refused(self):
        """Until new connections are."""
        def refused():
            try:
                Client(self.gateway.address).sock.close()
            except ConnectionError:
                return True
        eventually(refused, PATIENCE, 'new connections are still accepted')


def probe(f, task, name='probe', **settings):
    """An entry with the plugin tests/core/probe, which does `task` to a request for /harm."""
    file = Path(f.binary).parent.parent / f'lib/probes/{name}.so'
    return {
        name: {'do': task, **settings}, 'as': 'culprit', 'path': str(file),
        'when': {'path': '/harm'}
    }


def gemini(address, **settings):
    """The plugins of a chat whose provider is played at `address`."""
    return [
        'extension-auth', 'chat',
        {'gemini': {'api_key': 'key', 'base_url': f'http://{address}', **settings}}
    ]


def simulator(**chat):
    """The plugins of a chat whose answers come at once and from nowhere."""
    return [
        'extension-auth', {'chat': chat}, {'simulator': {'word_delay': '0ms', 'intended': True}}
    ]
