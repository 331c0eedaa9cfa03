"""TLS: certificates, handshakes, and what they cost other clients."""
import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import time

from cases_admin import ADMIN
from cases_listen import ANY_PORT
from cases_reload import reload
from certificates import Authority
from checks import PATIENCE, check, check_envelope, check_stream, eventually
from client import chat, connected, get
from fixture import gemini, simulator, test
from vitals import Vitals


def start(f, *pipeline, tls, admin=ADMIN, **server):
    """A gateway that serves HTTPS at its address."""
    listen = [{'address': ANY_PORT, 'tls': tls}]
    f.start(*(pipeline or ('health', 'metrics')), server={'listen': listen, **server}, admin=admin)


def names(client):
    """The names in the certificate that the client was shown."""
    return {name for _, name in client.sock.getpeercert()['subjectAltName']}


def metric(f, line, **options):
    """The value of a metric."""
    body = f.client(get('/metrics'), **options).answer().body.decode()
    found = [text for text in body.splitlines() if text.startswith(line + ' ')]
    return float(found[0].split()[-1]) if found else 0


# ---- Chats

@test
def a_chat_over_tls(f):
    authority = Authority(f.folder)
    provider = f.provider()
    start(f, 'health', *gemini(provider.address), tls=authority.server('a', 'localhost'))
    tls = authority.client()
    client = f.client(chat(), tls=tls)
    check(client.sock.version() == 'TLSv1.3', client.sock.version())
    call = f.take(provider)
    client.wait_for('"type":"start"')
    call.answer('word')
    check_stream(client.answer())
    client.send(get())
    check(client.answer().status == 200, 'the connection was not kept')


@test
def each_event_of_a_stream_is_sent_at_once(f):
    authority = Authority(f.folder)
    provider = f.provider()
    start(f, *gemini(provider.address), tls=authority.server('a', 'localhost'))
    client = f.client(chat(), tls=authority.client())
    call = f.take(provider)
    call.begin()
    for i in range(5):
        call.send(f'word{i}')
        client.wait_for(f'word{i}')
    call.finish()
    check_stream(client.answer())


@test
def large_bodies_pass_in_both_directions(f):
    authority = Authority(f.folder)
    f.start(*simulator(), server={'listen': [{'address': ANY_PORT,
                                              'tls': authority.server('a', 'localhost')}]})
    for prompt in ('x' * (1 << 20), 'word ' * 40000):
        check_stream(f.client(chat(prompt), tls=authority.client(), rcvbuf=4096).answer())


@test
def pipelined_requests_in_one_record_are_all_served(f):
    authority = Authority(f.folder)
    start(f, tls=authority.server('a', 'localhost'))
    client = f.client(get('/livez') * 30, tls=authority.client())     # more than is read at once
    padded = get('/livez').replace(b'\r\n\r\n', b'\r\nX-Padding: ' + b'x' * 6000 + b'\r\n\r\n')
    client.send(padded * 2)
    for _ in range(32):
        check(client.answer().status == 200, 'a request was not served')


# ---- Certificates

@test
def the_certificate_is_chosen_by_name(f):
    authority = Authority(f.folder)
    start(f, tls=[authority.server('a', 'localhost'), authority.server('b', 'b.example'),
                  authority.server('c', '*.c.example')])
    tls = authority.client()
    for host, expected in [('localhost', 'localhost'), ('b.example', 'b.example'),
                           ('x.c.example', '*.c.example')]:
        check(names(f.client(tls=tls, host=host)) == {expected}, host)
    lenient = authority.client(check_hostname=False)
    for host in ('unknown.example', 'x.y.c.example', None):
        check(names(f.client(tls=lenient, host=host)) == {'localhost'}, host)


@test
def only_modern_tls_is_accepted(f):
    authority = Authority(f.folder)
    start(f, tls=authority.server('a', 'localhost'))

    def connects(version, ciphers=None):
        tls = authority.client(minimum_version=version, maximum_version=version)
        if ciphers:
            tls.set_ciphers(ciphers)
        try:
            return f.client(tls=tls).sock.cipher()[0]
        except (ssl.SSLError, ConnectionError):
            return None
    check(connects(ssl.TLSVersion.TLSv1_3), 'TLS 1.3')
    check(connects(ssl.TLSVersion.TLSv1_2), 'TLS 1.2')
    check(not connects(ssl.TLSVersion.TLSv1_1, 'ALL:@SECLEVEL=0'), 'TLS 1.1')
    check(not connects(ssl.TLSVersion.TLSv1_2, 'AES256-SHA:ECDHE+AESCBC'), 'weak ciphers')


@test
def the_protocol_is_http_1(f):
    authority = Authority(f.folder)
    start(f, tls=authority.server('a', 'localhost'))
    tls = authority.client()
    tls.set_alpn_protocols(['h2', 'http/1.1'])
    check(f.client(tls=tls).sock.selected_alpn_protocol() == 'http/1.1', 'not chosen')
    tls.set_alpn_protocols(['h2'])
    try:
        f.client(tls=tls)
    except (ssl.SSLError, ConnectionError):
        return
    check(False, 'a client of HTTP/2 only is accepted')


@test
def a_session_is_resumed(f):
    authority = Authority(f.folder)
    start(f, tls=authority.server('a', 'localhost'))
    tls = authority.client()
    first = f.client(get(), tls=tls)
    check(first.answer().status == 200, 'not healthy')    # the tickets have arrived
    session = first.sock.session
    with connected(f.gateway.address) as plain:
        again = tls.wrap_socket(plain, server_hostname='localhost', session=session)
        check(again.session_reused, 'a whole handshake')


def replace(f, name, other):
    """As certbot does it: one file after the other."""
    for suffix in ('pem', 'key'):
        shutil.copy(f.folder / f'{other}.{suffix}', f.folder / 'fresh')
        os.replace(f.folder / 'fresh', f.folder / f'{name}.{suffix}')


@test
def a_certificate_that_is_no_longer_used_is_not_in_the_metrics(f):
    authority = Authority(f.folder)
    name = 'gatehouse_certificate_expiry_timestamp_seconds'
    tls = authority.client()
    start(f, tls=[authority.server('a', 'localhost'), authority.server('b', 'b.example')])
    check(metric(f, f'{name}{{file="{f.folder}/b.pem"}}', tls=tls) > time.time(), 'it is missing')
    listen = [{'address': f.gateway.address, 'tls': {'certificate': 'a.pem', 'key': 'a.key'}}]
    f.configure('health', 'metrics', server={'listen': listen}, admin=ADMIN)
    code, told = reload(f)
    check(code == 200, told)
    check(metric(f, f'{name}{{file="{f.folder}/a.pem"}}', tls=tls) > time.time(), 'it is missing')
    eventually(lambda: not metric(f, f'{name}{{file="{f.folder}/b.pem"}}', tls=tls), PATIENCE,
               'it is still there')


@test
def a_changed_certificate_is_used_without_a_reload(f):
    authority = Authority(f.folder)
    start(f, tls=authority.server('a', 'localhost'))
    authority.server('b', 'localhost', 'new.example', days=60)
    tls = authority.client()
    kept = f.client(tls=tls)
    before = metric(f, 'gatehouse_certificate_expiry_timestamp_seconds{file="%s/a.pem"}' % f.folder,
                    tls=tls)
    check(before > time.time() + 29 * 86400, before)
    replace(f, 'a', 'b')
    f.logged(message='certificates loaded again')
    check('new.example' in names(f.client(tls=tls)), 'the old certificate is in use')
    after = metric(f, 'gatehouse_certificate_expiry_timestamp_seconds{file="%s/a.pem"}' % f.folder,
                   tls=tls)
    check(after > before, before, after)
    kept.send(get())
    check(kept.answer().status == 200, 'an open connection was closed')
    authority.server('c', 'localhost', days=3)
    replace(f, 'a', 'c')
    f.logged(level='warn', message='clients will reject a certificate',
             reason='a.pem: this certificate expires on')


@test
def a_broken_certificate_leaves_the_previous_one_in_use(f):
    authority = Authority(f.folder)
    start(f, tls=authority.server('a', 'localhost'))
    authority.server('b', 'localhost')
    shutil.copy(f.folder / 'b.key', f.folder / 'a.key')
    f.logged(level='error', message='changed certificates cannot be used: the previous ones stay',
             reason='a.pem: the key belongs to another certificate')
    f.check_healthy(tls=authority.client())
    code, told = reload(f)
    check(code == 422 and 'the key belongs to another' in told['problems'][0]['text'], code, told)
    f.check_healthy(tls=authority.client())
    shutil.copy(f.folder / 'b.pem', f.folder / 'a.pem')
    f.logged(message='certificates loaded again')
    f.check_healthy(tls=authority.client())


@test
def a_reload_turns_tls_on_and_off(f):
    authority = Authority(f.folder)
    certificate = authority.server('a', 'localhost')
    f.start('health', admin=ADMIN)
    plain = f.client(get())
    check(plain.answer().status == 200, 'not healthy')
    address = f.gateway.address
    f.configure('health', server={'listen': [{'address': ANY_PORT, 'tls': certificate}]},
                admin={**ADMIN, 'listen': [{'address': ANY_PORT}]})
    check(reload(f)[0] == 200, 'it was refused')
    check(f.gateway.address == address, 'the address has changed')
    f.check_healthy(tls=authority.client())
    plain.send(get())
    check(plain.answer().status == 200, 'an open connection was closed')
    f.configure('health', admin=ADMIN)
    check(reload(f)[0] == 200, 'it was refused')
    f.check_healthy()


@test
def the_admin_address_may_use_tls(f):
    authority = Authority(f.folder)
    certificate = authority.server('a', 'localhost')
    f.start('health', admin={**ADMIN, 'listen': [{'unix': 'a.sock', 'tls': certificate}]})
    request = get('/status').replace(
        b'\r\n\r\n', b'\r\nAuthorization: Bearer ' + ADMIN['token'].encode() + b'\r\n\r\n')
    client = f.client(request, f'unix:{f.folder}/a.sock', tls=authority.client())
    check('plugins' in json.loads(client.answer().body), 'no status')


@test
def the_key_may_be_a_secret(f):
    authority = Authority(f.folder)
    certificate = authority.server('a', 'localhost')
    start(f, tls={**certificate, 'key': {'file': 'a.key'}})
    f.check_healthy(tls=authority.client())


@test
def check_reports_what_is_wrong_with_a_certificate(f):
    authority = Authority(f.folder)
    good, other = authority.server('a', 'localhost'), authority.server('b', 'localhost')
    old = authority.server('old', 'localhost', days=3)
    chain = (f.folder / 'a.pem').read_text().partition('-----END CERTIFICATE-----\n')
    (f.folder / 'turned.pem').write_text(chain[2] + chain[0] + chain[1])
    (f.folder / 'alien.pem').write_text(chain[0] + chain[1]
                                        + (f.folder / 'root.pem').read_text())

    def told(**tls):
        config = f.configure('health', server={'listen': [{'address': ANY_PORT, 'tls': tls}]})
        return f.run(config, check=True)
    for tls, ok, text in [
            (good, True, ''),
            ({**good, 'key': other['key']}, False, 'a.pem: the key belongs to another certificate'),
            ({**good, 'key': 'none.key'}, False, 'none.key: No such file or directory'),
            ({**good, 'certificate': 'a.key'}, False,
             'a.key: this is not a certificate in PEM format'),
            ({**good, 'key': 'a.pem'}, False, 'a.pem: this is not a private key in PEM format'),
            ({**good, 'certificate': 'turned.pem'}, False, 'the key belongs to certificate 2: put'),
            ({**good, 'certificate': 'alien.pem'}, True,
             'warning: `tls`: ' + f'{f.folder}/alien.pem: certificate 2 is not the issuer of'),
            (old, True, 'old.pem: this certificate expires on'),
    ]:
        code, output = told(**tls)
        check((code == 0) == ok and text in output, tls, code, output)
        check(not (ok and not text and 'warning' in output), output)
        check(text == '' or re.search(r'config.yaml:[78]:\d+: ', output), 'no place:', output)


# ---- Handshakes

@test
def plain_http_is_told_that_the_address_is_for_https(f):
    authority = Authority(f.folder)
    start(f, tls=authority.server('a', 'localhost'))
    for request in (get(), chat(), get().replace(b'GET', b'OPTIONS')):
        client = f.client(request)
        answer = client.answer()
        check_envelope(answer, 400)
        check(b'https://' in answer.body, answer.body)
        check(client.wait_end() == 'closed', client.end)
    f.check_healthy(tls=authority.client())


@test
def slow_and_broken_handshakes_hold_up_nobody(f):
    authority = Authority(f.folder)
    start(f, tls=authority.server('a', 'localhost'), head_timeout='1s')
    tls = authority.client()
    f.check_healthy(tls=tls)
    vitals, threads = Vitals(f.pid), f.thread_count()
    hello = ssl.MemoryBIO()
    half = tls.wrap_bio(ssl.MemoryBIO(), hello, server_hostname='localhost')
    try:
        half.do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = hello.read()
    silent = [f.client() for _ in range(100)]
    begun = [f.client(hello[:1]) for _ in range(100)] + [f.client(hello) for _ in range(100)]
    began = time.monotonic()
    while time.monotonic() - began < 0.5:
        f.check_healthy(tls=tls)
    check(f.thread_count() <= threads + 2, 'a handshake has a thread')
    for client in silent + begun:
        client.wait_end(5.0)
    for garbage in (b'\x16' + os.urandom(2000), b'\x80' * 100, b'\x00', hello[:40] + b'x' * 600):
        client = f.client(garbage)
        with contextlib.suppress(OSError):     # the gateway may have closed already
            client.sock.shutdown(socket.SHUT_WR)
        client.wait_end(5.0)
    eventually(
        lambda: metric(f, 'gatehouse_connections_rejected_total{reason="tls_timeout"}', tls=tls)
        == 300, PATIENCE, 'timeouts are not counted')
    failed = metric(f, 'gatehouse_connections_rejected_total{reason="tls_failed"}', tls=tls)
    check(failed == 4, failed)
    for client in f.clients:
        client.leave()
    problem = vitals.descriptors_problem(PATIENCE, slack=4)
    check(not problem, problem)
    f.check_healthy(tls=tls)


@test
def a_handshake_may_arrive_byte_by_byte(f):
    authority = Authority(f.folder)
    start(f, tls=authority.server('a', 'localhost'))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = authority.client().wrap_bio(incoming, outgoing, server_hostname='localhost')
    sock = connected(f.gateway.address)

    def play(action):
        while True:
            try:
                done = action()
                break
            except ssl.SSLWantReadError:
                done = None
            for byte in outgoing.read():
                sock.sendall(bytes([byte]))
            incoming.write(sock.recv(65536))
        for byte in outgoing.read():
            sock.sendall(bytes([byte]))
        return done
    play(tls.do_handshake)
    play(lambda: tls.write(get()))
    check(play(lambda: tls.read(12)) == b'HTTP/1.1 200', 'no response')
    sock.close()


@test
def a_connection_ends_properly(f):
    authority = Authority(f.folder)
    start(f, tls=authority.server('a', 'localhost'), idle_timeout='1s')
    tls = authority.client()
    asked_to = f.client(get().replace(b'\r\n\r\n', b'\r\nConnection: close\r\n\r\n'), tls=tls)
    check(asked_to.answer().status == 200, 'no response')
    check(asked_to.wait_end() == 'closed', 'without close_notify')
    rejected = f.client(b'GET / HTTP/9.9\r\n\r\n', tls=tls)
    check(rejected.answer().status == 505, 'no response')
    check(rejected.wait_end() == 'closed', 'without close_notify')


@test
def requests_over_tls_end_with_the_gateway(f):
    authority = Authority(f.folder)
    provider = f.provider()
    start(f, *gemini(provider.address), tls=authority.server('a', 'localhost'))
    client = f.client(chat(), tls=authority.client())
    call = f.take(provider)
    f.gateway.signal('TERM')
    f.logged(message='shutting down')
    call.answer('word')
    check_stream(client.answer())
    f.ends(0)


@test
def a_client_that_leaves_ends_its_request(f):
    authority = Authority(f.folder)
    provider = f.provider()
    start(f, *gemini(provider.address), tls=authority.server('a', 'localhost'))
    for how in ('FIN', 'RST'):
        client = f.client(chat(), tls=authority.client())
        call = f.take(provider)
        call.begin()
        client.wait_for('"type":"start"')
        client.leave(how)
        check(call.is_gone(PATIENCE), 'the request goes on after', how)
