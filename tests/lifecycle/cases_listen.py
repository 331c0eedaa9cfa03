"""Where the gateway listens: several addresses, Unix sockets, sockets of systemd, and what a reload
does to them."""
import fcntl
import grp
import os
import socket
import stat
from pathlib import Path

from cases_admin import ADMIN, status
from cases_reload import reload
from checks import PATIENCE, check, check_stream, eventually
from client import Client, chat, get
from fixture import gemini, simulator, test

ANY_PORT = '127.0.0.1:0'


def addresses(f):
    return f.gateway.address.split(', ')


def moved(f, before):
    """The addresses once they are other ones."""
    f.gateway.wait_for(lambda: f.gateway.address != before, PATIENCE)
    return addresses(f)


def unused_port():
    with socket.create_server(('127.0.0.1', 0)) as s:
        return s.getsockname()[1]


def check_closed(address):
    """New connections are refused."""
    def refused():
        try:
            Client(address).sock.close()
        except (ConnectionError, FileNotFoundError):
            return True
    eventually(refused, PATIENCE, address, 'still accepts connections')


def configure(f, listen, **sections):
    """The configuration of a health check and a simulator that listens there."""
    f.configure('health', *simulator(), server={'listen': listen}, **sections)


# ---- Several addresses

@test
def several_addresses_serve_alike(f):
    f.start('access-log', 'health', *simulator(),
            server={'listen': [ANY_PORT, {'address': '127.0.0.2:0'}, 'unix:a.sock']})
    first, second, third = addresses(f)
    check(first.startswith('127.0.0.1:') and second.startswith('127.0.0.2:'), first, second)
    check(third == f'unix:{f.folder}/a.sock', third)
    for address in (first, second, third):
        f.check_healthy(address)
        check_stream(f.client(chat(), address).answer())
    f.logged(path='/health', peer='127.0.0.1')
    f.logged(path='/health', peer='unix')


@test
def an_address_in_use_is_reported_with_its_place(f):
    with socket.create_server(('127.0.0.1', 0)) as taken:
        used = '127.0.0.1:%d' % taken.getsockname()[1]
        config = f.configure('health', server={'listen': [ANY_PORT, used]})
        code, output = f.run(config)
    [line] = [i for i, text in enumerate(config.read_text().splitlines(), 1) if used in text]
    wanted = f'{config}:{line}:4: cannot listen on {used}: Address already in use: another program'
    check(code == 1 and wanted in output, code, output)


# ---- Unix sockets

@test
def a_unix_socket_has_its_mode_and_owner(f):
    group = grp.getgrgid(os.getgid()).gr_name
    f.start('health', admin={**ADMIN, 'listen': 'unix:admin.sock'},
            server={'listen': [{'unix': 'a.sock', 'mode': '0606', 'owner': f':{group}'}]})
    file = f.folder / 'a.sock'
    check(stat.filemode(file.stat().st_mode) == 'srw----rw-', stat.filemode(file.stat().st_mode))
    admin = f.folder / 'admin.sock'
    check(stat.S_IMODE(admin.stat().st_mode) == 0o660, oct(admin.stat().st_mode))
    f.check_healthy()
    check('plugins' in status(f), 'the admin address has no status')
    f.stop()
    check(not file.exists() and not admin.exists(), 'a socket is left behind')


@test
def the_unix_socket_that_a_killed_gateway_left_is_replaced(f):
    path = f.folder / 'a.sock'
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    f.start('health', server={'listen': 'unix:a.sock'})
    f.check_healthy()


@test
def a_path_that_is_in_use_is_not_taken(f):
    path = f.folder / 'a.sock'
    config = f.configure('health', server={'listen': 'unix:a.sock'})
    with socket.socket(socket.AF_UNIX) as served:
        served.bind(str(path))
        served.listen()
        code, output = f.run(config)
        check(code == 1 and 'another program listens there' in output, code, output)
    path.unlink()
    path.write_text('precious')
    code, output = f.run(config)
    check(code == 1 and 'a file that is not a socket has this path' in output, code, output)
    check(path.read_text() == 'precious', 'the file was changed')
    code, output = f.run(f.configure('health', server={'listen': 'unix:none/a.sock'}))
    check(code == 1 and 'No such file or directory: create the folder' in output, code, output)


# ---- Sockets of systemd

def activated(*sockets, names):
    """Arguments of Fixture.start() for a gateway that gets these sockets from systemd."""
    moves = ' '.join(f'{3 + i}<&{s.fileno()}' for i, s in enumerate(sockets))
    shell = (f'export LISTEN_PID=$$ LISTEN_FDS={len(sockets)} LISTEN_FDNAMES={names}\n'
             f'exec "$@" {moves}')
    return {'shell': shell, 'pass_fds': [s.fileno() for s in sockets]}


def listening(count):
    """Sockets with descriptors that are free in a child process, too."""
    for _ in range(count):
        with socket.create_server(('127.0.0.1', 0)) as s:
            yield socket.socket(fileno=fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 100))


@test
def sockets_of_systemd_are_found_by_name(f):
    first, second, operator = sockets = list(listening(3))
    f.start('health', server={'listen': ['systemd:web']},
            admin={**ADMIN, 'listen': 'systemd:operator'},
            **activated(*sockets, names='web:web:operator'))
    for s in (first, second):
        check('127.0.0.1:%d' % s.getsockname()[1] in addresses(f), addresses(f))
        f.check_healthy('127.0.0.1:%d' % s.getsockname()[1])
    check('plugins' in status(f), 'the admin address has no status')
    for s in sockets:
        s.close()


@test
def a_socket_that_systemd_did_not_pass_is_reported(f):
    config = f.configure('health', server={'listen': 'systemd:web'})
    code, output = f.run(config)
    check(code == 1 and 'cannot listen on systemd:web: systemd has passed no socket' in output,
          code, output)
    # Those of another process.
    code, output = f.run(config, env={'LISTEN_PID': '1', 'LISTEN_FDS': '1', 'LISTEN_FDNAMES': 'web'})
    check(code == 1 and 'systemd has passed no socket' in output, code, output)


@test
def connections_to_a_socket_of_systemd_wait_for_the_next_gateway(f):
    [s] = listening(1)
    options = dict(server={'listen': 'systemd:web'}, **activated(s, names='web'))
    f.start('health', **options)
    f.check_healthy()
    f.stop()
    waiting = f.client(get())
    f.start('health', **options)
    check(waiting.answer().status == 200, 'the connection was not served')
    s.close()


# ---- Reloads

@test
def a_reload_moves_to_another_address(f):
    provider = f.provider()
    f.start('health', *gemini(provider.address), admin=ADMIN)
    before = f.gateway.address
    kept, running = f.client(get()), f.client(chat())
    check(kept.answer().status == 200, 'not healthy')
    call = f.take(provider)
    f.configure('health', *gemini(provider.address), admin=ADMIN,
                server={'listen': ['127.0.0.2:0', 'unix:a.sock']})
    code, told = reload(f)
    check(code == 200 and not told['warnings'], code, told)
    check_closed(before)
    for address in moved(f, before):
        f.check_healthy(address)
    kept.send(get())
    check(kept.answer().status == 200, 'a connection to the closed address has ended')
    call.answer('word')
    check_stream(running.answer())


@test
def a_reload_keeps_the_addresses_that_stay(f):
    f.start('health', *simulator(), admin=ADMIN, server={'listen': [ANY_PORT, 'unix:a.sock']})
    port, path = addresses(f)
    before = f.gateway.address
    inode = (f.folder / 'a.sock').stat().st_ino
    configure(f, [ANY_PORT, {'unix': 'a.sock', 'mode': '0600'}, '127.0.0.2:0'], admin=ADMIN)
    check(reload(f)[0] == 200, 'it was refused')
    check(moved(f, before)[:2] == [port, path], addresses(f))
    file = (f.folder / 'a.sock').stat()
    check((file.st_ino, stat.S_IMODE(file.st_mode)) == (inode, 0o600), file)
    for address in addresses(f):
        f.check_healthy(address)


@test
def a_reload_moves_to_all_addresses_of_its_own_port(f):
    port = unused_port()
    f.start('health', *simulator(), admin=ADMIN, server={'listen': f'127.0.0.1:{port}'})
    f.configure('health', server={'listen': f'0.0.0.0:{port}'}, admin=ADMIN)
    code, told = reload(f)
    check(code == 200, code, told)
    for host in ('127.0.0.1', '127.0.0.3'):
        f.check_healthy(f'{host}:{port}')
    check(f.run(f.configure('health', server={'listen': f'127.0.0.1:{port}'}))[0] == 1,
          'a second gateway shares the port')


@test
def clients_and_operator_can_swap_addresses(f):
    one, other = (f'127.0.0.1:{unused_port()}' for _ in range(2))
    f.start('health', server={'listen': one}, admin={**ADMIN, 'listen': other})
    f.configure('health', server={'listen': other}, admin={**ADMIN, 'listen': one})
    check(reload(f)[0] == 200, 'it was refused')
    f.check_healthy(other)
    check(Client(one, get()).answer().status == 401, 'the admin address serves clients')


@test
def a_reload_that_cannot_listen_changes_nothing(f):
    f.start('health', admin=ADMIN)
    before = f.gateway.address
    with socket.create_server(('127.0.0.1', 0)) as taken:
        used = '127.0.0.1:%d' % taken.getsockname()[1]
        f.configure('health', admin=ADMIN, server={'listen': ['unix:a.sock', used]})
        code, told = reload(f)
    check(code == 422 and used in told['problems'][0]['text'], code, told)
    check(told['problems'][0]['line'], told)
    check(not (f.folder / 'a.sock').exists(), 'it listens at the other new address')
    check(f.gateway.address == before, f.gateway.address)
    f.check_healthy()


@test
def a_reload_opens_moves_and_closes_the_admin_address(f):
    f.start('health')

    def admins():
        return [line for line in f.gateway.lines if '"admin"' in line]
    check(not admins(), admins())
    f.configure('health', admin=ADMIN)
    f.gateway.signal('HUP')
    f.gateway.wait_for(admins, PATIENCE)
    check('plugins' in status(f), 'the admin address has no status')
    f.configure('health', admin={**ADMIN, 'listen': 'unix:admin.sock'})
    check(reload(f)[0] == 200, 'it was refused')
    f.gateway.wait_for(lambda: 'admin.sock' in admins()[-1], PATIENCE)
    check(status(f)['reload']['ok'], 'the moved admin address reports the reload')
    kept = f.clients[-1]
    f.configure('health')
    f.gateway.signal('HUP')
    eventually(lambda: not (f.folder / 'admin.sock').exists(), PATIENCE, 'it is still open')
    kept.send(get('/status'))
    check(kept.answer().status == 401, 'an open connection is still let in')
    f.check_healthy()


@test
def no_connection_is_refused_while_addresses_change(f):
    """Clients of an address that stays see nothing of reloads that add and remove others."""
    f.start('health', *simulator(), admin=ADMIN)
    stays = f.gateway.address
    for i in range(20):
        extra = ['127.0.0.2:0', f'unix:{i}.sock'] if i % 2 == 0 else []
        configure(f, [ANY_PORT, *extra], admin=ADMIN)
        clients = [f.client(get(), stays) for _ in range(8)]
        check(reload(f)[0] == 200, 'it was refused')
        for client in clients:
            check(client.answer().status == 200, 'a request failed')
            client.leave()
    check(not list(Path(f.folder).glob('*.sock')), 'a socket is left behind')
