"""What keeps the gateway from starting is told in one line, and what is secret in none."""
import os
import signal
import socket
import subprocess
from pathlib import Path

from checks import PATIENCE, check, check_envelope, check_stream, eventually
from client import chat, get, head
from fixture import LOG_IN_FILE, gemini, test
from processes import children, state
from provider import chunk

KEY = 'MARKED-KEY-57ac1'
PROMPT = 'MARKED-PROMPT-8d20e'


def check_refused(f, config, *parts, **options):
    status, output = f.run(config, **options)
    check(status > 0, f'exit status {status}')
    check(output.count('\n') == 1 and all(part in output for part in parts), 'it says:\n' + output)


@test
def a_used_port_is_told(f):
    with socket.create_server(('127.0.0.1', 0)) as taken:
        address = '127.0.0.1:%d' % taken.getsockname()[1]
        check_refused(f, f.configure('health', server={'listen': address}), address, 'in use')


@test
def a_configuration_that_cannot_be_read_is_told(f):
    loop = f.folder / 'loop.yaml'
    loop.symlink_to(loop)       # unreadable for root, too
    check_refused(f, loop, 'loop.yaml')
    check_refused(f, f.folder / 'missing.yaml', 'missing.yaml', 'No such file')


@test
def a_folder_as_configuration_is_told(f):
    check_refused(f, f.folder, str(f.folder), 'directory')


# ---- Process 1

@test
def process_1_reaps_whatever_is_left_behind(f):
    # Not of the process group of the server.
    daemons = 'setsid sleep 0.1 & setsid sleep 0.2 & exec cat > /dev/null'
    server = {'name': 'bad', 'command': ['sh', '-c', daemons], 'connect_timeout': '1s'}
    f.start('health', 'extension-auth', 'chat', {'mcp': {'servers': [server]}}, 'simulator',
            shell='exec unshare --map-root-user --user --pid --fork --mount-proc --kill-child "$@"')
    [init] = children(f.pid)
    [gateway] = [
        pid for pid in children(init)
        if os.readlink(f'/proc/{pid}/exe') == os.readlink(f'/proc/{init}/exe')
    ]
    f.logged(message='down')    # and so some daemons have ended
    eventually(lambda: not any(state(pid) == 'Z' for pid in [*children(init), *children(gateway)]),
               PATIENCE, 'zombies')
    os.kill(init, signal.SIGTERM)
    f.ends(0)


@test
def process_1_ends_as_the_gateway_does(f):
    config = f.configure('no-such-plugin')
    unshare = [
        'unshare', '--map-root-user', '--user', '--pid', '--fork', '--mount-proc', '--kill-child'
    ]
    done = subprocess.run([*unshare, f.binary, 'serve', config], text=True, capture_output=True)
    check(done.returncode == 1 and 'unknown plugin' in done.stderr, done.returncode, done.stderr)


# ---- Secrets

def indiscreet(call):
    """A provider that says its key again wherever it can."""
    key = KEY.encode()
    error = (b'{"error": {"code": 500, "status": "%s", "message": "the key %s",'
             b' "details": [{"reason": "%s"}]}}' % (key, key, key))
    head = b'\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n' % len(error)
    refusal = key + head + error

    if b'refuse' in call.body:
        call.sock.sendall(b'HTTP/1.1 400 ' + refusal)
    elif b'fail' in call.body:
        call.sock.sendall(b'HTTP/1.1 500 ' + refusal)
    elif b'babble' in call.body:
        call.sock.sendall(key + b'\r\n\r\n')
    elif b'no JSON' in call.body:
        call.begin()
        call.sock.sendall(chunk(b'data: ' + key + b'\n\n'))
    elif b'error inside' in call.body:
        call.begin()
        call.sock.sendall(chunk(b'data: ' + error + b'\n\n'))
    else:
        call.answer('hello')
    call.sock.close()


def ask_about_everything(f):
    """All that clients are told."""
    broken = PROMPT.encode() + b'"'
    refusals = {
        400: head(len(broken)) + broken, 401: chat(PROMPT, extension=None), 404: get('/nothing')
    }
    clients = [f.client(request) for request in refusals.values()]
    for client, status in zip(clients, refusals):
        check_envelope(client.answer(), status)
    for what in ('refuse', 'fail', 'babble', 'no JSON', 'error inside'):
        clients.append(f.client(chat(f'{PROMPT} {what}')))
        check_stream(clients[-1].answer(), '"type":"error"')
    clients.append(f.client(chat(PROMPT)))
    check_stream(clients[-1].answer())
    return b'\n'.join(client.data for client in clients).decode()


def check_secret(f, secrets, **options):
    """With a provider that is not to be trusted, whatever clients ask."""
    f.start('access-log', *with_key(f.provider(indiscreet).address), env={'KEY': KEY}, **options)
    told = {
        'the command line': Path(f'/proc/{f.pid}/cmdline').read_text(),
        'an answer': ask_about_everything(f)
    }
    f.stop()
    log = f.folder / 'gateway.log'
    told |= {
        'standard output': '\n'.join(f.gateway.lines),
        'the log file': log.read_text() if log.exists() else ''
    }
    check('POST /api/chat' in told['standard output'], 'nothing was logged')
    for where, text in told.items():
        lines = [line for line in text.splitlines() for secret in secrets if secret in line]
        check(not lines, f'{where} tells a secret: {lines[:1]}')


def with_key(address, **settings):
    return gemini(address, **settings, api_key='${KEY}')


@test
def neither_the_key_nor_a_prompt_is_told(f):
    check_secret(f, (KEY, PROMPT))


@test
def not_even_a_debug_log_has_the_key(f):
    check_secret(f, (KEY,), log={'level': 'debug', 'file': 'gateway.log'}, shell=LOG_IN_FILE)


@test
def a_crash_leaves_no_core_file_with_the_key(f):
    f.start('health', shell='ulimit -c unlimited; exec "$@"')
    limits = Path(f'/proc/{f.pid}/limits').read_text().splitlines()
    limit = next(line for line in limits if line.startswith('Max core file size')).split()[4]
    check(limit == '0', f'core files of {limit} bytes are written')


@test
def other_processes_of_its_user_do_not_see_its_environment(f):
    """As a tool server might try."""
    f.folder.chmod(0o755)
    # Root may read everything.
    become = 'setpriv --reuid 65534 --regid 65534 --clear-groups' if os.getuid() == 0 else ''
    f.start('health', env={'KEY': KEY}, shell=f'exec {become} "$@"')
    script = f'cat /proc/{f.pid}/environ; head -c 1 /proc/{f.pid}/mem; ls /proc/{f.pid}/fd'
    seen = subprocess.run([*become.split(), 'bash', '-c', script], text=True, capture_output=True)
    check(seen.stderr.count('Permission denied') == 3 and not seen.stdout, seen.stdout, seen.stderr)


@test
def a_wrong_setting_beside_the_key_is_told_without_it(f):
    config = f.configure(*with_key('127.0.0.1:1', idle_timeout='soon'))
    check_refused(f, config, 'config.yaml', 'idle_timeout', env={'KEY': KEY})
    check(KEY not in f.run(config, env={'KEY': KEY})[1], 'the key is told')
