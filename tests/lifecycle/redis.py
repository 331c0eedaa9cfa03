"""A Redis of a test's own."""
import os
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from checks import PATIENCE, check, eventually


class Redis:
    def __init__(self):
        with socket.create_server(('127.0.0.1', 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f'redis://127.0.0.1:{self.port}'
        self.folder = tempfile.TemporaryDirectory(prefix='redis-')
        self.process = None
        self.start()

    def start(self):
        words = ['redis-server', '--port', self.port, '--bind', '127.0.0.1', '--dir', self.folder.name, '--save', '',
                 '--rdbcompression', 'no']
        self.process = subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL)
        eventually(self._answers, PATIENCE, 'redis-server does not answer')

    def _answers(self):
        try:
            return self.ask('PING') == b'+PONG\r\n'
        except OSError:
            return False

    def ask(self, *words):
        """The raw answer, as much as comes at once."""
        with socket.create_connection(('127.0.0.1', self.port), PATIENCE) as sock:
            sock.sendall(b'*%d\r\n' % len(words) + b''.join(b'$%d\r\n%s\r\n' % (len(w), w) for w in map(str.encode, words)))
            return sock.recv(1 << 20)

    def dump(self):
        """Every key and value, of all kinds."""
        check(self.ask('SAVE') == b'+OK\r\n', 'redis-server cannot save')
        return Path(self.folder.name, 'dump.rdb').read_bytes()

    def pause(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None

    def close(self):
        self.stop()
        self.folder.cleanup()
