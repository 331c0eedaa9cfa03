"""The reverse proxies of docs/first-hour.md serve the page, ask for a login and pass a stream on as
it comes. Plays nginx and Caddy, as far as they are installed; exit status 77: neither is.

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


@contextlib.contextmanager
def gateway(folder):
    config = replace(blocks['gatehouse.yaml'], 'server:\n', 'server:\n  listen: 127.0.0.1:0\n')
    (folder / 'gatehouse.yaml').write_text(config)
    command = gatehouse, 'serve', folder / 'gatehouse.yaml'
    with running(*command, env={}, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if address := json.loads(line).get('address'):
                yield address
                return
        raise AssertionError('the gateway did not start')


def nginx(folder, address, port):
    text = blocks['nginx.conf']
    for old, new in [('listen 443', f'listen 127.0.0.1:{port}'), ('127.0.0.1:3000', address),
                     ('/etc/ssl/chat.example.', f'{folder}/proxy.'),
                     ('/etc/nginx/users', f'{folder}/users'), ('/srv/chat', f'{folder}/page')]:
        text = replace(text, old, new)
    (folder / 'users').write_text('ada:{PLAIN}hiccup\n')
    (folder / 'nginx.conf').write_text(
        f'user root; daemon off; pid {folder}/pid; error_log stderr; events {{}}\n'
        f'http {{ access_log off; client_body_temp_path {folder}/body;\n{text}}}\n')
    return 'nginx', '-e', 'stderr', '-p', folder, '-c', folder / 'nginx.conf'


def caddy(folder, address, port):
    site = f'https://chat.example:{port} {{\n\ttls {folder}/proxy.pem {folder}/proxy.key'
    text = replace(blocks['Caddyfile'], 'chat.example {', site)
    text = replace(replace(text, '127.0.0.1:3000', address), '/srv/chat', f'{folder}/page')
    (folder / 'Caddyfile').write_text('{\n\tadmin off\n\tauto_https off\n}\n' + text)
    return 'caddy', 'run', '--config', folder / 'Caddyfile'


def connect(port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPConnection('chat.example')
    until = time.monotonic() + 15
    while True:
        try:
            plain = socket.create_connection(('127.0.0.1', port), timeout=15)
            connection.sock = context.wrap_socket(plain, server_hostname='chat.example')
            return connection
        except OSError:
            assert time.monotonic() < until, 'the proxy did not start'
            time.sleep(0.05)  # between two looks at a process that cannot tell when it is ready


def ask(port, method, path, body=None, **headers):
    connection = connect(port)
    connection.request(method, path, body, headers)
    return connection.getresponse()


def check(port):
    assert ask(port, 'GET', '/').status == 401
    page = ask(port, 'GET', '/', Authorization=LOGIN)
    assert (page.status, page.read()) == (200, b'<title>Chat</title>')
    chat = ask(port, 'POST', '/api/chat', CHAT, Authorization=LOGIN, Origin='https://chat.example',
               **{'Content-Type': 'application/json'})
    first = chat.read1(65536)
    rest = chat.read()
    assert chat.status == 200 and b'"type":"start"' in first, (chat.status, first)
    assert b'[DONE]' not in first, 'the stream came all at once'
    assert rest.endswith(b'data: [DONE]\n\n'), rest[-100:]
    other = ask(port, 'POST', '/api/chat', CHAT, Authorization=LOGIN, Origin='https://evil.example')
    assert other.status == 403, other.status


def play(name, command_of):
    with tempfile.TemporaryDirectory() as text:
        folder = pathlib.Path(text)
        (folder / 'page').mkdir()
        (folder / 'page/index.html').write_text('<title>Chat</title>')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec',
                        '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                        '-subj', '/CN=chat.example', '-keyout', folder / 'proxy.key',
                        '-out', folder / 'proxy.pem'], check=True, capture_output=True)
        port = free_port()
        with gateway(folder) as address:
            command = command_of(folder, address, port)
            with open(folder / 'log', 'w+') as log:
                try:
                    with running(*command, env={'PATH': '/usr/sbin:/usr/bin:/bin', 'HOME': text},
                                 stdout=log, stderr=log):
                        check(port)
                except AssertionError as e:
                    log.seek(0)
                    print(f'FAIL {name}: {e}\n' + textwrap.indent(log.read()[-2000:], '     '))
                    return False
    print(f'ok   {name}')
    return True


there = [proxy for proxy in (nginx, caddy)
         if shutil.which(proxy.__name__, path='/usr/sbin:/usr/bin:/bin')]
if not there:
    print('neither nginx nor caddy is installed')
    sys.exit(77)
sys.exit(not all([play(proxy.__name__, proxy) for proxy in there]))
