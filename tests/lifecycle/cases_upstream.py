"""The way to upstreams: proxies, and authorities of the configuration."""
import base64
import contextlib
import socket
import ssl
import subprocess
import threading

from checks import PATIENCE, check, check_stream
from client import chat
from fixture import gemini, test
from provider import Provider

PASSWORD = 'MARKED-PASSWORD-81c'
ACCOUNT = base64.b64encode(f'ann:{PASSWORD}'.encode()).decode()


class Proxy:
    """Sends all that comes to `target`, or refuses it with the status `refusal`."""
    def __init__(self, f, target, refusal=None):
        self.target, self.refusal, self.heads, self.socks = target, refusal, [], []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.address = '127.0.0.1:%d' % self.listener.getsockname()[1]
        f.providers.append(self)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near = self.listener.accept()[0]
                self.socks.append(near)
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near):
        with contextlib.suppress(OSError):
            data = b''
            while b'\r\n\r\n' not in data:
                data += near.recv(65536)
            self.heads.append(data.split(b'\r\n\r\n')[0].decode())
            if self.refusal:
                head = f'HTTP/1.1 {self.refusal}\r\nContent-Length: 0\r\n\r\n'
                return near.sendall(head.encode())
            host, port = self.target.rsplit(':', 1)
            far = socket.create_connection((host, int(port)), PATIENCE)
            self.socks.append(far)
            if data.startswith(b'CONNECT '):
                near.sendall(b'HTTP/1.1 200 OK\r\n\r\n')
            else:
                far.sendall(data)
            threading.Thread(target=self._carry, args=(far, near), daemon=True).start()
            self._carry(near, far)

    def _carry(self, source, sink):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def close(self):
        self.listener.close()
        for sock in self.socks:
            sock.close()


def openssl(f, *words):
    subprocess.run(['openssl', *words], cwd=f.folder, check=True, capture_output=True)


def make_authority(f, name):
    openssl(f, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
            '-keyout', f'{name}.key', '-subj', f'/CN={name}', '-days', '2', '-out', f'{name}.pem')


def tls_provider(f):
    """A provider with a certificate for models.test, of the authority in ca.pem."""
    make_authority(f, 'ca')
    openssl(f, 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout',
            'server.key', '-subj', '/CN=server', '-addext', 'subjectAltName=DNS:models.test',
            '-out', 'request')
    openssl(f, 'x509', '-req', '-in', 'request', '-copy_extensions', 'copy', '-CA', 'ca.pem',
            '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-out', 'server.pem')
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f.folder / 'server.pem', f.folder / 'server.key')
    f.providers.append(Provider(tls=context))
    return f.providers[-1]


def through(base_url):
    """The plugins of a chat whose provider is at this URL."""
    return ['access-log', *gemini('', base_url=base_url)]


def check_discreet(f):
    text = '\n'.join(f.gateway.lines)
    check(PASSWORD not in text and ACCOUNT not in text, 'the password of the proxy is in the log')


@test
def an_upstream_with_tls_is_reached_through_a_tunnel(f):
    provider = tls_provider(f)
    proxy = Proxy(f, provider.address)
    f.start(*through('https://models.test'), log={'level': 'debug'},
            upstream={'proxy': f'http://ann:{PASSWORD}@{proxy.address}', 'ca': 'ca.pem'})
    client = f.client(chat())
    f.take(provider).answer('Hello')
    check_stream(client.answer())
    check(
        proxy.heads == [
            'CONNECT models.test:443 HTTP/1.1\r\nHost: models.test:443\r\n'
            f'Proxy-Authorization: Basic {ACCOUNT}'
        ], proxy.heads)
    check_discreet(f)


@test
def an_upstream_without_tls_is_reached_through_the_proxy_of_the_environment(f):
    provider = f.provider()
    proxy = Proxy(f, provider.address)
    f.start(*through('http://models.test:81'), env={'HTTP_PROXY': proxy.address})
    client = f.client(chat())
    f.take(provider).answer('Hello')
    check_stream(client.answer())
    check(proxy.heads[0].startswith('POST http://models.test:81/'), proxy.heads)


@test
def a_proxy_that_refuses_is_named_with_the_remedy(f):
    proxy = Proxy(f, None, '407 Who are you')
    f.start(*through('https://models.test'), log={'level': 'debug'},
            upstream={'proxy': f'http://ann:{PASSWORD}@{proxy.address}'})
    check_stream(f.client(chat()).answer(), '"type":"error"')
    f.logged(code='upstream_proxy_refused',
             detail=f'the proxy {proxy.address} responded with 407 to a request for '
                    'models.test:443: set its user and password in `upstream.proxy`')
    check_discreet(f)


@test
def what_no_proxy_has_is_reached_directly(f):
    proxy = Proxy(f, None, '403 No')
    f.start(*through('https://models.invalid'), upstream={
        'proxy': f'http://{proxy.address}', 'no_proxy': ['invalid']
    })
    check_stream(f.client(chat()).answer(), '"type":"error"')
    f.logged(code='upstream_unreachable', detail='models.invalid')
    check(not proxy.heads, proxy.heads)


@test
def a_reload_reads_the_authorities_anew(f):
    provider = tls_provider(f)
    proxy = Proxy(f, provider.address)
    make_authority(f, 'stranger')
    (f.folder / 'ours.pem').write_text((f.folder / 'stranger.pem').read_text())
    f.start(*through('https://models.test'),
            upstream={'proxy': f'http://{proxy.address}', 'ca': 'ours.pem'})
    check_stream(f.client(chat()).answer(), '"type":"error"')
    f.logged(code='upstream_unreachable', detail='ertificate')

    (f.folder / 'ours.pem').write_text('no certificate')
    f.gateway.signal('HUP')
    f.logged(level='error', message='`ca` is not a PEM file of certificates')
    (f.folder / 'ours.pem').write_text((f.folder / 'ca.pem').read_text())
    f.gateway.signal('HUP')
    f.logged(message='reloaded')
    client = f.client(chat())
    f.take(provider).answer('Hello')
    check_stream(client.answer())
