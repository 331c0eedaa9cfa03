"""The reverse proxies of docs/first-hour.md serve the page, ask for a login, pass a stream on as it
comes and tell the gateway who the client is. Plays nginx and Caddy, as far as they are installed; exit status 77: neither is.

    proxy_test.py GATEHOUSE REPOSITORY
"""
import base64
import contextlib
import http.client
import json
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import textwrap
import time

gatehouse, root = sys.argv[1], pathlib.Path(sys.argv[2])
guide = (root / 'docs/first-hour.md').read_text()
blocks = dict(re.findall(r'^`([^`\n]+)`\n```\w*\n(.*?)^```$', guide, re.M | re.S))
LOGIN = 'Basic ' + base64.b64encode(b'ada:hiccup').decode()  # the password behind the guide's hash
CLIENT = '127.0.0.9'  # another address of this machine
STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so'
CHAT = json.dumps({'messages': [
    {'id': '1', 'role': 'user', 'parts': [{'type': 'text', 'text': 'one two three four'}]}]})


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def replace(text, old, new):
    assert old in text, f'the guide no longer has {old!r}'
    return text.replace(old, new)


@contextlib.contextmanager
def running(*command, **options):
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def move(text, folder):
    """The files that the guide has elsewhere."""
    for old, new in [('/etc/ssl/chat.example.', f'{folder}/proxy.'),
                     ('/etc/nginx/users', f'{folder}/users'), ('/srv/chat', f'{folder}/page'),
                     ('/run/gatehouse/', f'{folder}/'), (':www-data', ':root')]:
        text = text.replace(old, new)
    return text


class Gateway:
    """Runs with the configuration of the guide, whose `server` is that of the block `server`."""
    def __init__(self, folder, server=None):
        config = blocks['gatehouse.yaml']
        if server:
            config = config[config.index('pipeline:'):] + blocks[server]
            config = config.replace('127.0.0.1:3443', '127.0.0.1:0')
        else:
            config = replace(config, 'server:\n', 'server:\n  listen: 127.0.0.1:0\n')
        (folder / 'gatehouse.yaml').write_text(move(config, folder))
        self.process = subprocess.Popen([gatehouse, 'serve', folder / 'gatehouse.yaml'], env={},
                                        stdout=subprocess.PIPE, text=True)
        self.address = self.wait_for(address='')['address']

    def wait_for(self, **wanted):
        """The next line of the log with these members; an empty value stands for any."""
        for line in self.process.stdout:
            record = json.loads(line)
            if all(name in record and value in ('', record[name])
                   for name, value in wanted.items()):
                return record
        raise AssertionError(f'the log has no {wanted}')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.stdout.read()
        self.process.wait(timeout=20)


def nginx_command(folder, text, module=''):
    (folder / 'users').write_text('ada:{PLAIN}hiccup\n')
    (folder / 'nginx.conf').write_text(
        f'{module} user root; daemon off; pid {folder}/pid; error_log stderr; events {{}}\n'
        + move(text, folder))
    return 'nginx', '-e', 'stderr', '-p', folder, '-c', folder / 'nginx.conf'


def nginx(folder, address, port):
    text = replace(blocks['nginx.conf'], 'listen 443', f'listen 127.0.0.1:{port}')
    text = replace(text, '127.0.0.1:3000', address)
    return nginx_command(
        folder, f'http {{ access_log off; client_body_temp_path {folder}/body;\n{text}}}\n')


def balancer(folder, address, port):
    """nginx that passes connections on."""
    text = replace(blocks['balancer.conf'], 'listen 443', f'listen 127.0.0.1:{port}')
    text = replace(text, '127.0.0.1:3443', address)
    return nginx_command(folder, f'stream {{\n{text}}}\n', f'load_module {STREAM_MODULE};')


def caddy(folder, address, port):
    site = f'https://chat.example:{port} {{\n\ttls {folder}/proxy.pem {folder}/proxy.key'
    text = replace(blocks['Caddyfile'], 'chat.example {', site)
    text = move(replace(text, '127.0.0.1:3000', address.replace('unix:', 'unix/', 1)), folder)
    (folder / 'Caddyfile').write_text('{\n\tadmin off\n\tauto_https off\n}\n' + text)
    return 'caddy', 'run', '--config', folder / 'Caddyfile'


def connect(port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPConnection('chat.example')
    until = time.monotonic() + 15
    while True:
        try:
            plain = socket.create_connection(('127.0.0.1', port), 15, source_address=(CLIENT, 0))
            connection.sock = context.wrap_socket(plain, server_hostname='chat.example')
            return connection
        except OSError:
            assert time.monotonic() < until, 'the proxy did not start'
            time.sleep(0.05)  # between two looks at a process that cannot tell when it is ready


def ask(port, method, path, body=None, **headers):
    connection = connect(port)
    connection.request(method, path, body, headers)
    return connection.getresponse()


def check_chat(port, **headers):
    chat = ask(port, 'POST', '/api/chat', CHAT, Origin='https://chat.example',
               **{'Content-Type': 'application/json', **headers})
    first = chat.read1(65536)
    rest = chat.read()
    assert chat.status == 200 and b'"type":"start"' in first, (chat.status, first)
    assert b'[DONE]' not in first, 'the stream came all at once'
    assert rest.endswith(b'data: [DONE]\n\n'), rest[-100:]
    other = ask(port, 'POST', '/api/chat', CHAT, Origin='https://evil.example', **headers)
    assert other.status == 403, other.status


def check_front(port):
    assert ask(port, 'GET', '/').status == 401
    page = ask(port, 'GET', '/', Authorization=LOGIN)
    assert (page.status, page.read()) == (200, b'<title>Chat</title>')
    check_chat(port, Authorization=LOGIN)


def play(name, command_of, check, server, logged):
    """`logged`: how the log names the client."""
    with tempfile.TemporaryDirectory() as text:
        folder = pathlib.Path(text)
        (folder / 'page').mkdir()
        (folder / 'page/index.html').write_text('<title>Chat</title>')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec',
                        '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                        '-subj', '/CN=chat.example', '-keyout', folder / 'proxy.key',
                        '-out', folder / 'proxy.pem'], check=True, capture_output=True)
        port = free_port()
        with Gateway(folder, server) as gateway:
            command = command_of(folder, gateway.address, port)
            with open(folder / 'log', 'w+') as log:
                try:
                    with running(*command, env={'PATH': '/usr/sbin:/usr/bin:/bin', 'HOME': text},
                                 stdout=log, stderr=log):
                        check(port)
                    gateway.process.terminate()
                    gateway.wait_for(status=200, **logged)
                except AssertionError as e:
                    log.seek(0)
                    print(f'FAIL {name}: {e}\n' + textwrap.indent(log.read()[-2000:], '     '))
                    return False
    print(f'ok   {name}')
    return True


forwarded = {'peer': '127.0.0.1', 'client': CLIENT}
over_unix = {'peer': 'unix', 'client': CLIENT}
plays = []
if shutil.which('nginx', path='/usr/sbin:/usr/bin:/bin'):
    plays += [('nginx', nginx, check_front, None, forwarded),
              ('nginx over a Unix socket', nginx, check_front, 'unix.yaml', over_unix)]
    if pathlib.Path(STREAM_MODULE).exists():
        plays.append(('nginx that passes connections on', balancer, check_chat, 'balancer.yaml',
                      {'peer': CLIENT}))
if shutil.which('caddy', path='/usr/sbin:/usr/bin:/bin'):
    plays += [('Caddy', caddy, check_front, None, forwarded),
              ('Caddy over a Unix socket', caddy, check_front, 'unix.yaml', over_unix)]
if not plays:
    print('neither nginx nor caddy is installed')
    sys.exit(77)
sys.exit(not all([play(*p) for p in plays]))
