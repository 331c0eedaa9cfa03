"""What the gateway reports to a service manager, such as systemd, and when."""
import os
import signal
import socket
import time

from checks import PATIENCE, check
from fixture import test
from processes import children


class Manager:
    """Receives what sd_notify(3) describes."""
    def __init__(self, f, abstract=False):
        name = f'gatehouse-{os.getpid()}-{id(self)}'
        self.address = f'@{name}' if abstract else str(f.folder / 'notify')
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f'\0{name}' if abstract else self.address)
        self.socket.settimeout(PATIENCE)
        f.providers.append(self)

    def message(self):
        """The next one: {name: value}."""
        try:
            return dict(line.split('=', 1) for line in self.socket.recv(4096).decode().split('\n'))
        except TimeoutError:
            return {}

    def close(self):
        self.socket.close()


@test
def a_service_manager_follows_the_life_of_the_gateway(f):
    manager = Manager(f)
    f.start('health', env={'NOTIFY_SOCKET': manager.address},
            shutdown={'delay': '1s', 'grace': '7s'})
    address = f.gateway.address
    check(manager.message() == {
        'READY': '1', 'MAINPID': str(f.pid), 'STATUS': f'Listening on {address}'
    }, 'it is not ready')

    before = time.monotonic_ns() // 1000
    f.gateway.signal('HUP')
    reloading = manager.message()
    check(reloading.keys() == {'RELOADING', 'MONOTONIC_USEC'}, reloading)
    check(before <= int(reloading['MONOTONIC_USEC']) <= time.monotonic_ns() // 1000, reloading)
    check(manager.message() == {'READY': '1', 'STATUS': 'Reloaded'}, 'not reloaded')

    f.configure('no-such-plugin')
    f.gateway.signal('HUP')
    check('RELOADING' in manager.message(), 'not reloading')
    check(manager.message() == {'READY': '1', 'STATUS': 'Reload failed: see the log'},
          'the failure is not reported')

    f.gateway.signal('TERM')
    stopping = manager.message()
    check(stopping.get('STOPPING') == '1', stopping)
    check(int(stopping['EXTEND_TIMEOUT_USEC']) >= 8_000_000, stopping)
    f.ends(0)


@test
def a_socket_in_the_abstract_namespace_is_as_good(f):
    manager = Manager(f, abstract=True)
    f.start('health', env={'NOTIFY_SOCKET': manager.address})
    check(manager.message().get('READY') == '1', 'it is not ready')


@test
def the_watchdog_is_fed_twice_in_its_time(f):
    manager = Manager(f)
    f.start('health', env={'NOTIFY_SOCKET': manager.address, 'WATCHDOG_USEC': '2000000'})
    check('READY' in manager.message(), 'it is not ready')
    times = []
    for _ in range(4):
        check(manager.message() == {'WATCHDOG': '1'}, 'the watchdog is not fed')
        times.append(time.monotonic())
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    check(all(0.5 < gap < 1.9 for gap in gaps), gaps)


@test
def the_watchdog_of_another_process_is_not_fed(f):
    manager = Manager(f)
    f.start('health', env={
        'NOTIFY_SOCKET': manager.address, 'WATCHDOG_USEC': '100000', 'WATCHDOG_PID': '1'
    })
    check('READY' in manager.message(), 'it is not ready')
    f.gateway.signal('HUP')
    check('RELOADING' in manager.message(), 'the watchdog is fed')


@test
def process_1_is_the_main_process_of_a_container(f):
    manager = Manager(f)
    f.start('health', env={'NOTIFY_SOCKET': manager.address},
            shell='exec unshare --map-root-user --user --pid --fork --mount-proc --kill-child "$@"')
    check(manager.message().get('MAINPID') == '1', 'another process is')
    os.kill(children(f.pid)[0], signal.SIGTERM)
    f.ends(0)
