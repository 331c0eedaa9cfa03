"""What the tests have in common: the list of them, commands that must succeed, and a gateway."""
import contextlib
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / 'tests/exchanges'))
from gateway import Gateway  # noqa: E402

COMMAND_SECONDS = 300

TESTS = []


def test(function):
    """A test: a function that is given the build folder and raises Wrong, or nothing."""
    TESTS.append(function)
    return function


class Wrong(Exception):
    """What is installed does not do what it promises."""


def check(good, *what):
    if not good:
        raise Wrong(' '.join(map(str, what)))


def run(*command, **options):
    """The output of a command, which must succeed."""
    done = subprocess.run(list(map(str, command)), text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=COMMAND_SECONDS, **options)
    check(done.returncode == 0, *command, 'exited with', done.returncode, '\n', done.stdout)
    return done.stdout


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix='package-') as name:
        yield Path(name)


@contextlib.contextmanager
def serving(program, config, env=os.environ):
    """A gateway; it must end well."""
    gateway = Gateway(str(program), str(config), str(Path(config).parent), env)
    try:
        yield gateway
        gateway.signal('TERM')
        status = gateway.exit_status()
        check(status == 0, 'after SIGTERM the gateway exited with', status)
    finally:
        if gateway.process.poll() is None:
            gateway.process.kill()


def get(gateway, path):
    """Body and headers of the response."""
    with urllib.request.urlopen(f'http://{gateway.address}{path}', timeout=10) as response:
        return response.read().decode(), response.headers
