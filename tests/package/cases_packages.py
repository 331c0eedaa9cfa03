"""The Debian packages: what lintian finds, and their life in a fresh Debian."""
import contextlib
import grp
import os
import re
import shlex
import shutil
import stat
import subprocess
import time
from pathlib import Path

from chroot import ENVIRONMENT, bare, copy_of, with_tools
from fixture import ROOT, Gateway, check, folder, run, serving, test
from load import Load
from packages import LATER, packages

SERVICE = '/usr/lib/systemd/system/gatehouse.service'
CONFIG = '/etc/gatehouse/gatehouse.yaml'
USER = 'gatehouse:gatehouse'
# The project has no mail domain; whoever publishes packages sets CPACK_PACKAGE_CONTACT.
NO_MAIL_DOMAIN = 'bogus-mail-host,bogus-mail-host-in-debian-changelog'
LOG_SECONDS = 20


@test
def lintian_finds_nothing(build):
    found = run('lintian', '--fail-on', 'error,warning', '--allow-root', '--suppress-tags',
                NO_MAIL_DOMAIN, *packages(build).values())
    check(not found, found)


def setting(system, key):
    """A value of the installed unit."""
    return re.search(f'^{key}=(.*)$', (system / SERVICE).read_text(), re.M)[1]


@contextlib.contextmanager
def service(system):
    """The gateway, by the command line and the user of the unit."""
    user = f'{setting(system, "User")}:{setting(system, "Group")}'
    command = system.command(*shlex.split(setting(system, 'ExecStart')), user=user)
    start = system.root.parent / 'start'
    start.write_text('#!/bin/sh\nexec ' + shlex.join(command) + '\n')
    start.chmod(0o755)
    gateway = Gateway(str(start), CONFIG, '/', ENVIRONMENT)
    try:
        yield gateway
    finally:
        if gateway.process.poll() is None:
            gateway.process.kill()
            gateway.process.wait()


def use_simulator(system):
    """As an operator edits the configuration of the package."""
    file = system / CONFIG
    text = file.read_text()
    for shipped, ours in (('127.0.0.1:3000', '127.0.0.1:0'), ('limit: 100', 'limit: 100000')):
        check(shipped in text, CONFIG, 'has no', shipped)
        text = text.replace(shipped, ours)
    file.write_text(text[:text.index('  - gemini:')] + '  - simulator: {intended: true}\n')


# In place of systemd as process 1: what packages and logrotate call, for the process {pid}.
SYSTEMCTL = '''#!/bin/sh
echo "$*" >>/tmp/systemctl.log
case "$*" in
  "--quiet is-active gatehouse.service") ;;
  "reload gatehouse.service") kill -HUP {pid} ;;
  "kill --kill-whom=main --signal=USR1 gatehouse.service") kill -USR1 {pid} ;;
  *daemon-reload) ;;
  *) exit 1 ;;
esac
'''


def manage(system, process):
    (system / '/run/systemd/system').mkdir(parents=True)
    systemctl = system / '/usr/bin/systemctl'
    systemctl.write_text(SYSTEMCTL.format(pid=process.pid))
    systemctl.chmod(0o755)


def check_load(load):
    check(load.count > 0 and not load.wrong, f'{len(load.wrong)} of {load.count} chats failed:',
          *load.wrong[:3])


@test
def packages_live_and_leave_nothing_behind(build):
    now, later = packages(build), packages(build, LATER)
    with copy_of(bare(build)) as system:
        system.install(*now.values())
        check_the_key_is_missing(system)
        use_simulator(system)
        with service(system) as gateway:
            manage(system, gateway.process)
            with Load(gateway.address) as load:
                upgrade(system, gateway, later)
                plugins = 'gatehouse-plugins'
                upgrade(system, gateway, {plugins: now[plugins]})
                upgrade(system, gateway, now)
            check_load(load)
            print(f'     {load.count} chats during upgrade and rollback, none failed')
            gateway.signal('TERM')
            check(gateway.exit_status() == 0, *gateway.lines[-5:])
        system.apt('purge', *now)
        check_nothing_is_left(system)


def upgrade(system, gateway, files):
    """The packages reload the gateway, and nothing restarts it."""
    seen = len(gateway.lines)
    system.install(*files.values())
    reloaded = gateway.wait_for(
        lambda: any('"reloaded: ' in line for line in gateway.lines[seen:]), LOG_SECONDS)
    calls = (system / '/tmp/systemctl.log').read_text()
    check(reloaded and 'restart' not in calls, calls, *gateway.lines[-5:])
    for name, file in files.items():
        version = system.run('dpkg-query', '-W', '-f', '${Version}', name)
        check(version in file.name, name, version, 'instead of', file.name)
    check('intended: true' in (system / CONFIG).read_text(), 'the configuration was overwritten')


def check_the_key_is_missing(system):
    """What the package ships responds with a model or not at all, and says what to do."""
    status, output = system.status('gatehouse', 'check', user=USER)
    check(status == 1 and f'{CONFIG}:' in output and 'gemini-key' in output, status, output)


def check_nothing_is_left(system):
    left = system.run('find', '/', '-xdev', '-name', '*gatehouse*', '-not', '-path', '/tmp/*',
                      '-not', '-path', '/var/cache/*', '-not', '-path', '/proc/*')
    check(not left, 'after purge there are', left)
    for database in ('passwd', 'group'):
        status, entry = system.status('getent', database, 'gatehouse')
        check(status != 0, 'after purge there is', entry)
    known = system.run('dpkg-query', '-W', '-f', '${Package} ${db:Status-Abbrev}\n')
    check('gatehouse' not in known, known)


@test
def the_log_is_rotated(build):
    with copy_of(bare(build)) as system:
        files = packages(build)
        system.install(files['gatehouse'], files['gatehouse-plugins'], 'logrotate')
        use_simulator(system)
        config = system / CONFIG
        config.write_text('log: {file: /var/log/gatehouse/gatehouse.log}\n' + config.read_text())
        with started(system) as process:
            log = system / '/var/log/gatehouse/gatehouse.log'
            wait(lambda: log.exists() and 'listening' in log.read_text(), 'no log')
            manage(system, process)
            system.run('logrotate', '--debug', '/etc/logrotate.d/gatehouse')
            system.run('logrotate', '--force', '/etc/logrotate.d/gatehouse')
            check('listening' in log.with_suffix('.log.1').read_text(), 'not rotated')
            wait(log.exists, 'the gateway does not write a new log file')


@contextlib.contextmanager
def started(system):
    """The gateway as a process, without its output."""
    process = subprocess.Popen(system.command(*shlex.split(setting(system, 'ExecStart')),
                                              user=USER), env=ENVIRONMENT)
    try:
        yield process
        process.terminate()
        check(process.wait(20) == 0, 'the gateway exited with', process.returncode)
    finally:
        process.kill()
        process.wait()


def wait(condition, what):
    until = time.monotonic() + LOG_SECONDS
    while not condition():
        check(time.monotonic() < until, what)
        time.sleep(0.01)


@test
def the_units_are_valid_and_hardened(build):
    with folder() as temporary:
        units = [temporary / 'gatehouse.service', temporary / 'gatehouse.socket']
        for unit in units:
            text = (ROOT / 'packaging' / unit.name).read_text()
            unit.write_text(text.replace('/usr/bin/gatehouse', str(build / 'bin/gatehouse')))
        wrong = run('systemd-analyze', 'verify', '--man=no', *units)
        check(not wrong, wrong)
        security = run('systemd-analyze', 'security', '--offline=yes', '--threshold=17', units[0])
        print('    ', security.strip().splitlines()[-1])


@test
def a_unix_socket_is_served_under_the_filters_of_the_unit(build):
    with folder() as temporary:
        start = temporary / 'start'
        sandbox = [Path(__file__).with_name('sandbox.py'), ROOT / 'packaging/gatehouse.service',
                   build / 'bin/gatehouse']
        start.write_text('#!/bin/sh\nexec ' + shlex.join(map(str, sandbox)) + ' "$@"\n')
        start.chmod(0o755)
        config = temporary / 'gatehouse.yaml'
        group = grp.getgrgid(os.getgid()).gr_name
        for name in ('first', 'second'):
            (temporary / f'{name}.yaml').write_text(
                f'server: {{listen: [{{unix: {name}.sock, mode: "0606", owner: ":{group}"}}]}}\n'
                'pipeline: [health]\n')
        shutil.copy(temporary / 'first.yaml', config)
        with serving(start, config) as gateway:
            run(build / 'bin/gatehouse', 'healthcheck', temporary / 'first.yaml')
            shutil.copy(temporary / 'second.yaml', config)
            gateway.signal('HUP')
            wait((temporary / 'second.sock').exists, 'the reload opens no socket')
            run(build / 'bin/gatehouse', 'healthcheck', temporary / 'second.yaml')
            mode = (temporary / 'second.sock').stat().st_mode
            check(stat.S_IMODE(mode) == 0o606, oct(mode))


CMAKE = 'cmake -B build && cmake --build build && ctest --test-dir build --no-tests=error'
# What builds a new project of each language and runs its test.
AUTHORS = {'cpp': CMAKE, 'c': CMAKE, 'rust': 'cargo test --offline'}
AUTHOR_SECONDS = 60


@test
def an_author_has_a_green_test_within_a_minute(build):
    with copy_of(with_tools(build)) as system:
        files = packages(build)
        system.install(files['gatehouse'], files['libgatehouse-dev'])
        for language, commands in AUTHORS.items():
            began = time.monotonic()
            system.run('sh', '-ec', f'cd /tmp && gatehouse plugin new {language}-plugin '
                       f'--lang {language} && cd {language}-plugin && {commands}')
            took = time.monotonic() - began
            print(f'     {language}: {took:.1f} s from the installed packages to a green test')
            check(took < AUTHOR_SECONDS, language, 'took', f'{took:.0f} s')
