"""The PROXY protocol: who may speak it, and whose address a request has then."""
import socket
import struct

from cases_admin import ADMIN
from cases_listen import ANY_PORT
from cases_tls import metric
from certificates import Authority
from checks import PATIENCE, check, eventually
from client import get
from fixture import test

SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'
VERSION_1 = b'PROXY TCP4 198.51.100.7 10.0.0.1 4711 443\r\n'


def version_2(client='198.51.100.7', command=0x21, rest=b''):
    addresses = socket.inet_aton(client) + socket.inet_aton('10.0.0.1') + struct.pack('>HH', 1, 2)
    return SIGNATURE + struct.pack('>BBH', command, 0x11, len(addresses + rest)) + addresses + rest


def start(f, *pipeline, trusted=('127.0.0.1',), **listen):
    listen = {'proxy_protocol': True, **(listen or {'address': ANY_PORT})}
    f.start('access-log', *pipeline, 'health', 'metrics', admin=ADMIN,
            server={'listen': [listen, '127.0.0.1:0'], 'trusted_proxies': trusted,
                    'head_timeout': '1s'})
    f.gateway.address, f.plain = f.gateway.address.split(', ')


def rejected(f, reason):
    return metric(f, f'gatehouse_connections_rejected_total{{reason="{reason}"}}', address=f.plain)


@test
def both_versions_name_the_client(f):
    start(f)
    for path, header, client in [
            ('/livez?1', VERSION_1, '198.51.100.7'),
            ('/livez?2', version_2('198.51.100.8'), '198.51.100.8'),
            ('/livez?3', version_2('198.51.100.9', rest=b'\x04\x0b\xb8' + bytes(3000)),
             '198.51.100.9'),
            ('/livez?4', b'PROXY UNKNOWN\r\n', '127.0.0.1'),
            ('/livez?5', version_2(command=0x20), '127.0.0.1'),
            ('/livez?6', b'PROXY TCP6 2001:db8::1 ::1 1 2\r\n', '2001:db8::1')]:
        request = header + get(path).replace(b'\r\n\r\n', b'\r\nX-Request-Id: t' + path[-1:].encode()
                                             + b'\r\n\r\n')
        check(f.client(request).answer().status == 200, header)
        f.logged(message='200', peer=client)


@test
def a_header_may_arrive_byte_by_byte(f):
    start(f)
    for header in (VERSION_1, version_2('198.51.100.9')):
        client = f.client()
        for byte in header + get('/livez'):
            client.send(bytes([byte]))
        check(client.answer().status == 200, header)
    f.logged(message='200', peer='198.51.100.7')
    f.logged(message='200', peer='198.51.100.9')


@test
def the_client_is_limited_by_its_own_address(f):
    start(f, {'throttler': {'limit': 1, 'window': '60s', 'key': 'address'}})
    one, other = (b'PROXY TCP4 198.51.100.%d 10.0.0.1 1 2\r\n' % i for i in (1, 2))
    statuses = [f.client(header + get('/nothing')).answer().status for header in (one, other, one)]
    check(statuses == [404, 404, 429], statuses)


@test
def a_trusted_proxy_may_stand_behind_another(f):
    start(f, trusted=['127.0.0.1', '10.0.0.0/8'])
    request = b'PROXY TCP4 10.0.0.9 10.0.0.1 1 2\r\n' + get('/livez').replace(
        b'\r\n\r\n', b'\r\nX-Forwarded-For: 203.0.113.5\r\n\r\n')
    check(f.client(request).answer().status == 200, 'not served')
    f.logged(message='200', peer='10.0.0.9', client='203.0.113.5')


@test
def a_connection_without_a_header_is_closed(f):
    start(f)
    for bad in (get(), b'PROXY TCP4 nonsense\r\n', b'PROXY UNKNOWN ' + b'x' * 200,
                SIGNATURE + b'\x21\x11\xff\xff' + bytes(100), b'\x16\x03\x01'):
        client = f.client(bad + get())
        client.wait_end(5.0)
        check(not client.data, client.data)
    check(rejected(f, 'proxy_failed') == 5, rejected(f, 'proxy_failed'))
    silent = [f.client(part) for part in (b'', VERSION_1[:20], version_2()[:20])]
    for client in silent:
        client.wait_end(5.0)
    eventually(lambda: rejected(f, 'proxy_timeout') == 3, PATIENCE, 'timeouts are not counted')


@test
def a_proxy_that_is_not_trusted_is_rejected(f):
    start(f, trusted=['10.0.0.0/8'])
    client = f.client()
    client.wait_end()
    check(rejected(f, 'proxy_untrusted') == 1, rejected(f, 'proxy_untrusted'))
    f.logged(level='warn', message='is not from a trusted proxy', peer='127.0.0.1')


@test
def tls_begins_after_the_header(f):
    authority = Authority(f.folder)
    start(f, address=ANY_PORT, tls=authority.server('a', 'localhost'))
    for header in (VERSION_1, version_2('198.51.100.9')):
        client = f.client(get('/livez'), tls=authority.client(), proxy=header)
        check(client.answer().status == 200, header)
    f.logged(message='200', peer='198.51.100.7')
    f.logged(message='200', peer='198.51.100.9')


@test
def a_proxy_may_use_a_unix_socket(f):
    start(f, trusted=['unix'], unix='a.sock')
    check(f.client(VERSION_1 + get('/livez')).answer().status == 200, 'not served')
    f.logged(message='200', peer='198.51.100.7')
