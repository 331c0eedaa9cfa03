"""Command line shared by every tool of the kit. Only loopback targets are accepted."""
import argparse
import ipaddress
import json
import sys
from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_BODY = {
    'messages': [{'id': 'm1', 'role': 'user', 'parts': [{'type': 'text', 'text': 'hello'}]}],
    'model': 'gemini-2.5-flash',
    'threadId': 'thread-1',
}


@dataclass
class Target:
    host: str
    port: int
    base: str
    health: str
    chat: str
    sync: str
    ext_header: str
    ext_id: str
    body: dict
    good_status: int
    strict: bool
    max_wait: float
    secrets: list
    only: str
    skip: str
    verbose: bool

    @property
    def authority(self):
        return f'{self.host}:{self.port}'

    @property
    def body_bytes(self):
        return json.dumps(self.body).encode()

    def request(self, method, path, headers=(), body=b'', version='HTTP/1.1', host=True, ext=True, length=True):
        """A well-formed request as bytes; `headers` are extra (name, value) pairs or raw byte lines."""
        lines = [f'{method} {path} {version}'.encode('latin-1')]
        if host:
            lines.append(f'Host: {self.authority}'.encode())
        if ext and method == 'POST':
            lines.append(f'{self.ext_header}: {self.ext_id}'.encode('latin-1'))
            lines.append(b'Content-Type: application/json')
        if body and length:
            lines.append(b'Content-Length: %d' % len(body))
        for item in headers:
            lines.append(item if isinstance(item, bytes) else f'{item[0]}: {item[1]}'.encode('latin-1'))
        return b'\r\n'.join(lines) + b'\r\n\r\n' + body

    def get(self, *headers, **kw):
        return self.request('GET', self.health, headers, **kw)

    def post(self, *headers, body=None, **kw):
        return self.request('POST', self.chat, headers, self.body_bytes if body is None else body, **kw)

    def post_raw(self, *header_lines, body=b''):
        """POST to the chat path whose framing headers are given by the caller."""
        return self.request('POST', self.chat, header_lines, body, length=False)


def parser(description):
    p = argparse.ArgumentParser(description=description)
    p.add_argument('--target', required=True, help='127.0.0.1:PORT or http://127.0.0.1:PORT[/base]')
    p.add_argument('--health-path', default='/health')
    p.add_argument('--chat-path', default='/api/chat')
    p.add_argument('--sync-path', default='/api/tools/sync')
    p.add_argument('--ext-header', default='X-Extension-ID')
    p.add_argument('--ext-id', default='abcdefghijklmnopabcdefghijklmnop', help='a value the server accepts')
    p.add_argument('--body', help='a good chat body: JSON text, or @FILE')
    p.add_argument('--good-status', type=int, default=200, help='what the good chat body is answered with')
    p.add_argument('--strict', action='store_true', help='only the preferred answer passes, not merely a tolerated one')
    p.add_argument('--max-wait', type=float, default=5.0, help='seconds after which a silent server counts as hung')
    p.add_argument('--secret', action='append', default=[], help='text that must never appear in an answer (an API key)')
    p.add_argument('--only', default='', help='run only cases whose name contains this')
    p.add_argument('--skip', default='', help='leave out cases whose name begins with this')
    p.add_argument('-v', '--verbose', action='store_true', help='show the answer of each failed case')
    return p


def loopback(host):
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


def target_from(args):
    url = urlsplit(args.target if '//' in args.target else '//' + args.target)
    host = '127.0.0.1' if url.hostname == 'localhost' else url.hostname
    if not loopback(host) or not url.port:
        sys.exit('only 127.0.0.0/8 targets with a port are allowed')
    text = args.body
    if text and text.startswith('@'):
        with open(text[1:], encoding='utf-8') as f:
            text = f.read()
    base = url.path.rstrip('/')
    return Target(host, url.port, base, base + args.health_path, base + args.chat_path, base + args.sync_path,
                  args.ext_header, args.ext_id, json.loads(text) if text else DEFAULT_BODY, args.good_status,
                  args.strict, args.max_wait, args.secret, args.only, args.skip, args.verbose)
