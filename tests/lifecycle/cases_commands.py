"""The commands that talk to a gateway that runs."""
import json
import subprocess

from cases_admin import ADMIN
from certificates import Authority
from checks import check
from fixture import simulator, test


def start(f, *pipeline, **sections):
    """Starts a gateway, and writes live.yaml: its configuration with the ports that it got."""
    f.start(*pipeline, **sections)
    listening = next(line for line in map(json.loads, f.gateway.lines) if 'address' in line)
    config = json.loads((f.folder / 'config.yaml').read_text())
    for section, address in (('server', 'address'), ('admin', 'admin')):
        if section in config:
            config[section]['listen'] = at(listening[address], config[section]['listen'])
    f.write('live.yaml', json.dumps(config))


def at(address, listen):
    """What is listened to, with the port that the gateway got."""
    if isinstance(listen, str):
        return address
    return listen if 'unix' in listen[0] else [{**listen[0], 'address': address}]


def gatehouse(f, *words):
    return subprocess.run([f.binary, *words], cwd=f.folder, text=True, capture_output=True,
                          timeout=30)


def check_fails(done, *texts):
    check(done.returncode == 1 and all(text in done.stderr for text in texts), done)


@test
def the_status_of_a_gateway_is_a_table_or_json(f):
    start(f, 'health', *simulator(), admin=ADMIN)
    f.check_healthy()
    f.gateway.signal('HUP')
    f.logged(message='reloaded')
    table = gatehouse(f, 'status', 'live.yaml')
    lines = table.stdout.splitlines()
    check(table.returncode == 0 and not table.stderr, table)
    check(lines[0].startswith('gatehouse 0.') and ', up ' in lines[0], table.stdout)
    check(lines[1].startswith('connections: '), table.stdout)
    check(lines[2] == 'store: memory, up', table.stdout)
    check(lines[3].startswith('last reload: 2') and lines[3].endswith(', ok'), table.stdout)
    check(lines[5].split() == ['PLUGIN', 'STATE', 'CALLS', 'FAILURES', 'MEAN', 'SELF', 'REASON'],
          table.stdout)
    health = lines[6].split()
    check(health[:4] == ['health', 'up', '1', '0'] and health[4].endswith('ms'), table.stdout)

    report = json.loads(gatehouse(f, 'status', '--json', 'live.yaml').stdout)
    check([plugin['name'] for plugin in report['plugins']][0] == 'health', report)


@test
def the_last_requests_are_a_table_too(f):
    start(f, 'console', 'health', admin=ADMIN)
    gatehouse(f, 'top', '--once', 'live.yaml')  # after the first look all requests are listed
    f.check_healthy()
    done = gatehouse(f, 'top', '--once', 'live.yaml')
    check(done.returncode == 0 and not done.stderr and '\033' not in done.stdout, done)
    lines = done.stdout.splitlines()
    check(lines[0].startswith('gatehouse 0.'), done.stdout)
    heads = ['TIME', 'CALLER', 'MODEL', 'OUTCOME', 'TOTAL', 'TOKENS', 'REQUEST']
    at = [line.split() for line in lines].index(heads)
    request = lines[at + 1].split()
    check(request[1:5] == ['-', 'GET', '/health', 'ok'], done.stdout)


@test
def a_gateway_without_a_list_of_requests_has_a_top(f):
    start(f, 'health', admin=ADMIN)
    done = gatehouse(f, 'top', '--once', 'live.yaml')
    check(done.returncode == 0 and 'PLUGIN' in done.stdout and 'OUTCOME' not in done.stdout, done)


@test
def a_status_that_cannot_be_had_is_explained(f):
    start(f, 'health', admin=ADMIN)
    f.write('other.yaml', (f.folder / 'live.yaml').read_text().replace(ADMIN['token'], 'x' * 20))
    check_fails(gatehouse(f, 'status', 'other.yaml'), 'another admin token than other.yaml')
    f.write('none.yaml', 'pipeline: [health]')
    check_fails(gatehouse(f, 'status', 'none.yaml'), 'none.yaml: this command needs the admin address: set `admin.token`')
    f.write('unset.yaml', 'pipeline: [health]\nadmin: {token: "${NO_SUCH_TOKEN}"}')
    check_fails(gatehouse(f, 'status', 'unset.yaml'), 'unset.yaml:2:16', 'NO_SUCH_TOKEN')
    f.stop()
    check_fails(gatehouse(f, 'status', 'live.yaml'), 'is the gateway running?')


@test
def a_reload_by_command_prints_what_is_wrong(f):
    start(f, 'health', admin=ADMIN)
    done = gatehouse(f, 'reload', 'live.yaml')
    check(done.returncode == 0 and done.stdout == 'reloaded: health\n', done)
    f.configure('helth', admin=ADMIN)
    check_fails(gatehouse(f, 'reload', 'live.yaml'), 'config.yaml:', 'did you mean `health`?',
                'reload failed')
    f.write('none.yaml', 'pipeline: [health]')
    check_fails(gatehouse(f, 'reload', 'none.yaml'), 'kill -HUP PID')


@test
def a_health_check_needs_no_other_program(f):
    start(f, 'health', shutdown={'delay': '60s'})
    for words in (['healthcheck'], ['healthcheck', '--ready']):
        check(gatehouse(f, *words, 'live.yaml').returncode == 0, words)
    f.gateway.signal('TERM')
    f.logged(message='shutting down')
    check(gatehouse(f, 'healthcheck', 'live.yaml').returncode == 0, 'it does not live')
    check_fails(gatehouse(f, 'healthcheck', '--ready', 'live.yaml'), '/readyz responds 503')
    f.gateway.signal('TERM')
    f.ends(1)
    check_fails(gatehouse(f, 'healthcheck', 'live.yaml'), 'Connection refused')


@test
def a_health_check_names_a_pipeline_without_probes(f):
    start(f, 'access-log')
    check_fails(gatehouse(f, 'healthcheck', 'live.yaml'), '/livez responds 404')


# ---- Where they find the gateway

def check_found(f, listen, admin=None):
    """Each command finds a gateway that listens there."""
    start(f, 'health', server={'listen': listen}, admin={**ADMIN, 'listen': admin or listen})
    for command in ('healthcheck', 'status', 'reload'):
        done = gatehouse(f, command, 'live.yaml')
        check(done.returncode == 0, listen, done)


@test
def commands_find_a_gateway_at_every_address_of_its_machine(f):
    for listen in ('0.0.0.0:0', '[::]:0', '[::1]:0', '127.0.0.2:0', 'localhost:0'):
        check_found(f, listen)
        f.stop()


@test
def commands_find_a_gateway_at_a_unix_socket(f):
    check_found(f, 'unix:a.sock', 'unix:admin.sock')
    f.stop()
    check_fails(gatehouse(f, 'status', 'live.yaml'), 'admin.sock: ', 'is the gateway running?')


@test
def commands_find_a_gateway_behind_tls_whose_certificate_was_renewed(f):
    authority = Authority(f.folder)
    tls = authority.server('a', 'gateway.example')
    check_found(f, [{'address': '127.0.0.1:0', 'tls': tls}])
    authority.server('a', 'gateway.example')
    done = gatehouse(f, 'reload', 'live.yaml')
    check(done.returncode == 0, done)
    f.stop()
    check_found(f, [{'unix': 'a.sock', 'tls': tls}], 'unix:admin.sock')


@test
def a_listener_that_commands_cannot_use_is_explained(f):
    behind_proxy = [{'address': '127.0.0.1:1', 'proxy_protocol': True}]
    config = f.configure('health', server={'listen': behind_proxy,
                                           'trusted_proxies': ['127.0.0.1']})
    check_fails(gatehouse(f, 'healthcheck', config), 'has no proxy_protocol', 'unix:/run/')


# 198.51.100.7 is reached from 127.0.0.1 here, as if it were that of another machine.
ELSEWHERE = '''
ip link set lo up
ip route add local 198.51.100.7 dev lo src 127.0.0.1
python3 -c 'import socket
with socket.create_server(("198.51.100.7", 3000)) as server:
    print(flush=True)
    connection = server.accept()[0]
    print(connection.recv(9), flush=True)' >received &
until [ -s received ]; do sleep 0.01; done
"$0" healthcheck config.yaml
status=$?
wait
exit $status
'''


@test
def no_command_sends_anything_to_another_machine(f):
    f.configure('health', server={'listen': '198.51.100.7:3000'})
    done = subprocess.run(['unshare', '--net', 'sh', '-c', ELSEWHERE, f.binary], cwd=f.folder,
                          text=True, capture_output=True, timeout=30)
    check_fails(done, '198.51.100.7:3000: this is the address of another machine')
    check((f.folder / 'received').read_text() == "\nb''\n", (f.folder / 'received').read_text())
