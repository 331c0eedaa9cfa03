"""The client of a gateway: what it asks, and what it is told."""
import json
import socket
import ssl
import time

from checks import PATIENCE, Wrong
from rawhttp import connect, reset_close, split_responses

EXTENSION = 'abcdefghijklmnopabcdefghijklmnop'


def get(path='/health'):
    return f'GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode()


def head(length, extension=EXTENSION, expect=False, path='/api/chat', headers=()):
    lines = [
        f'POST {path} HTTP/1.1', 'Host: localhost', 'Content-Type: application/json',
        f'Content-Length: {length}', *headers
    ]
    lines += [f'X-Extension-ID: {extension}'] if extension else []
    lines += ['Expect: 100-continue'] if expect else []
    return '\r\n'.join([*lines, '', '']).encode()


def body(prompt):
    return json.dumps({'messages': [{'role': 'user', 'parts': [{'type': 'text',
                                                                'text': prompt}]}]}).encode()


def chat(prompt='Hi', **options):
    text = body(prompt)
    return head(len(text), **options) + text


def connected(address, rcvbuf=None):
    """A socket; `address` as the log has it."""
    if address.startswith('unix:'):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(PATIENCE)
        sock.connect(address.removeprefix('unix:'))
        return sock
    host, port = address.rsplit(':', 1)
    return connect(host, int(port), PATIENCE, rcvbuf)


class Client:
    """A connection to the gateway, and what it brought.

    proxy: what a proxy sends first. tls: a context for a handshake as a client of `host`.
    """
    def __init__(self, address, request=b'', rcvbuf=None, proxy=b'', tls=None, host='localhost'):
        self.sock = connected(address, rcvbuf)
        self.sock.sendall(proxy)
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname=host,
                                        suppress_ragged_eofs=False)
        self.data, self.end, self.taken = b'', None, 0      # end: None, 'closed' or 'reset'
        self.send(request)

    def send(self, data):
        self.sock.settimeout(PATIENCE)
        self.sock.sendall(data)

    def receive(self, seconds=PATIENCE):
        """What comes next, as one piece; nothing if it takes longer."""
        self.sock.settimeout(max(seconds, 0.001))
        try:
            piece = self.sock.recv(1 << 20)
        except TimeoutError:
            return b''
        except (ConnectionError, ssl.SSLError):
            self.end = 'reset'
            return b''
        self.end = None if piece else 'closed'
        self.data += piece
        return piece

    def wait(self, condition, what, seconds=PATIENCE):
        until = time.monotonic() + seconds
        while not condition():
            left = until - time.monotonic()
            if left <= 0 or self.end:
                got = self.data[-2000:].decode(errors='replace')
                state = self.end or 'open'
                raise Wrong(
                    f'{what}: not within {seconds} s; the connection is {state}, got:\n{got}')
            self.receive(left)

    def wait_for(self, text, seconds=PATIENCE):
        self.wait(lambda: text.encode() in self.data, f'waiting for {text!r}', seconds)

    def wait_end(self, seconds=PATIENCE):
        self.wait(lambda: self.end, 'waiting for the end of the connection', seconds)
        return self.end

    def answers(self):
        """The final answers that are complete."""
        return [
            a for a in split_responses(self.data, bool(self.end)) if a.status >= 200 and a.complete
        ]

    def answer(self, seconds=PATIENCE):
        """The next answer, complete."""
        self.wait(lambda: len(self.answers()) > self.taken, 'waiting for a complete answer',
                  seconds)
        self.taken += 1
        return self.answers()[self.taken - 1]

    def leave(self, how='FIN'):
        """FIN only if all that came has been read."""
        if how == 'RST':
            reset_close(self.sock)
        else:
            self.sock.close()
