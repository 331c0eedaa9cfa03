"""The admin address: who may ask, and what it tells and does."""
import json

from checks import check, check_envelope, eventually, PATIENCE
from client import Client, get
from fixture import simulator, test

TOKEN = 'MARKED-ADMIN-TOKEN-3f1'
ADMIN = {'listen': '127.0.0.1:0', 'token': TOKEN}


def ask(f, path='/status', method='GET', **headers):
    """The answer of the admin address; headers with None are left out."""
    address = [line['admin'] for line in map(json.loads, f.gateway.lines) if 'admin' in line][-1]
    fields = {
        'Host': 'localhost', 'Authorization': f'Bearer {TOKEN}',
        **{k.replace('_', '-'): v
           for k, v in headers.items()}
    }
    lines = [
        f'{method} {path} HTTP/1.1', *(f'{k}: {v}' for k, v in fields.items() if v is not None), '',
        ''
    ]
    f.clients.append(Client(address, '\r\n'.join(lines).encode()))
    return f.clients[-1].answer()


def status(f):
    answer = ask(f)
    check(answer.status == 200, answer.status, answer.body)
    return json.loads(answer.body)


@test
def the_admin_address_takes_the_token_and_nothing_else(f):
    f.start('health', admin=ADMIN)
    check_envelope(ask(f, Authorization=None), 401)
    check_envelope(ask(f, Authorization=f'Bearer {TOKEN}x'), 401)
    check_envelope(ask(f, Authorization=f'Basic {TOKEN}'), 401)
    check_envelope(ask(f, path='/nothing', Authorization=None), 401)
    check_envelope(ask(f, path='/nothing'), 404)
    check(status(f)['plugins'][0]['name'] == 'health', 'the status has no plugins')
    check(not any(TOKEN in line for line in f.gateway.lines), 'the token is in the log')


@test
def the_admin_address_is_not_for_web_pages(f):
    f.start('health', admin=ADMIN)
    check_envelope(ask(f, Origin='http://localhost'), 403)
    check_envelope(ask(f, Origin='null'), 403)
    check_envelope(ask(f, Host='rebound.example'), 421)


@test
def clients_find_nothing_of_it(f):
    f.start('health', admin=ADMIN)
    check_envelope(f.client(get('/status')).answer(), 404)


@test
def a_token_that_is_too_short_is_refused(f):
    code, output = f.run(f.configure('health', admin={'token': 'short-token'}))
    check(code != 0 and 'token' in output and 'short-token' not in output, output)


@test
def without_a_token_there_is_no_admin_address(f):
    f.start('health')
    check(not any('"admin"' in line for line in f.gateway.lines), 'there is one')


@test
def the_status_counts_what_runs(f):
    f.start('health', *simulator(), admin=ADMIN)
    f.check_healthy()
    eventually(lambda: status(f)['running'] == 0, PATIENCE, 'a request runs on')
    got = status(f)
    check(got['connections'] == 1 and not got['draining'], got)
    check(got['plugins'][0]['calls'] == 1 and got['plugins'][0]['short_circuits'] == 1,
          got['plugins'][0])
