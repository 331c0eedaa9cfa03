"""A Redis of a test's own."""
import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
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
        words = [
            'redis-server', '--port', self.port, '--bind', '127.0.0.1', '--dir', self.folder.name,
            '--save', '', '--rdbcompression', 'no'
        ]
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
            sock.sendall(b'*%d\r\n' % len(words) + b''.join(b'$%d\r\n%s\r\n' % (len(w), w)
                                                            for w in map(str.encode, words)))
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


class Line:
    """A proxy to a Redis, which can be moved to another one. Existing connections stay where they
    are."""
    def __init__(self, redis, bytes_per_second=None):
        self.redis, self.rate = redis, bytes_per_second
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.url = f'redis://127.0.0.1:{self.listener.getsockname()[1]}'
        self.socks = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near = self.listener.accept()[0]
                far = socket.create_connection(('127.0.0.1', self.redis.port), PATIENCE)
                far.settimeout(None)
                self.socks += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source, sink):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                if self.rate:
                    time.sleep(len(piece) / self.rate)
                sink.sendall(piece)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()
        for sock in self.socks:
            sock.close()
