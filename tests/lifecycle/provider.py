"""Gemini, played over bare sockets: what it sends, when, and what it notices of the gateway."""
import contextlib
import json
import queue
import socket
import threading
import time

HEAD = (b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n'
        b'Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n')


def chunk(data):
    return b'%x\r\n%s\r\n' % (len(data), data)


def event(text, **members):
    response = {
        'candidates': [{'content': {'role': 'model', 'parts': [{'text': text}]}, **members}]
    }
    return f'data: {json.dumps(response)}\r\n\r\n'.encode()


class Call:
    """One request of the gateway, read to its end, and the connection it came on."""
    def __init__(self, sock):
        self.sock = sock
        data = bytearray()
        while b'\r\n\r\n' not in data:
            data += self._read()
        self.head, _, self.body = data.partition(b'\r\n\r\n')
        length = int(self.head.lower().partition(b'content-length:')[2].split(b'\r\n')[0])
        while len(self.body) < length:
            self.body += self._read()

    def _read(self):
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError('the gateway closed')
        return data

    def begin(self):
        self.sock.sendall(HEAD)

    def send(self, *texts):
        """An event for each text, all in one write."""
        self.sock.sendall(b''.join(chunk(event(text)) for text in texts))

    def finish(self):
        self.sock.sendall(chunk(event('.', finishReason='STOP')) + chunk(b''))

    def send_until_stuck(self, data):
        """How much of `data` the gateway takes before it takes nothing for a second."""
        self.sock.settimeout(1.0)
        sent = 0
        try:
            while sent < len(data):
                sent += self.sock.send(memoryview(data)[sent:])
        except TimeoutError:
            pass
        return sent

    def answer(self, *texts):
        self.begin()
        self.send(*texts)
        self.finish()

    def is_gone(self, seconds):
        """Whether the gateway ends the connection in this time."""
        self.sock.settimeout(max(seconds, 0.001))
        try:
            return not self.sock.recv(1)
        except TimeoutError:
            return False
        except ConnectionError:
            return True


class Provider:
    """Gives each request, as a Call, to `script` on a thread of its own, or keeps it for take().
    `tls`: an ssl.SSLContext."""
    def __init__(self, script=None, tls=None):
        self.calls, self.socks = queue.SimpleQueue(), []
        self.script, self.tls = script or self.calls.put, tls
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=256)
        self.address = '127.0.0.1:%d' % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.socks.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            self.script(Call(self.tls.wrap_socket(sock, server_side=True) if self.tls else sock))
        except OSError:
            pass        # the gateway left, which is for the test to judge

    def take(self, seconds):
        """The next request, or None."""
        try:
            return self.calls.get(timeout=seconds)
        except queue.Empty:
            return None

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)    # wakes accept(), which close() does not
        self.listener.close()
        for sock in self.socks:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)     # wakes the thread that reads it
            sock.close()


class Unreachable:
    """An address where connections are begun and never established: the backlog is full."""
    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(('127.0.0.1', 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.address = f'127.0.0.1:{self.port}'
        self.waiting = []
        while not self.waiting or self.connecting() == 0:
            self.waiting.append(socket.socket())
            self.waiting[-1].setblocking(False)
            self.waiting[-1].connect_ex(('127.0.0.1', self.port))
            time.sleep(0.02)    # what will be connected is so by now
        self.waiting.pop().close()

    def connecting(self):
        """How many sockets of this machine try to connect."""
        with open('/proc/net/tcp', encoding='ascii') as table:
            rows = [line.split() for line in table]
        syn_sent = '02'         # include/net/tcp_states.h
        return sum(row[2].endswith(f':{self.port:04X}') and row[3] == syn_sent for row in rows)

    def close(self):
        for sock in [self.listener, *self.waiting]:
            sock.close()
