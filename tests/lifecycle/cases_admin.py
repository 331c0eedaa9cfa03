"""The admin address: who may ask, and what it tells and does."""
import json

from checks import check, check_envelope, eventually, PATIENCE
from client import Client, get
from fixture import simulator, test

TOKEN = 'MARKED-ADMIN-TOKEN-3f1'
ADMIN = {'listen': '127.0.0.1:0', 'token': TOKEN}


def ask(f, path='/status', method='GET', body='', **headers):
    """The answer of the admin address; headers with None are left out."""
    address = [line['admin'] for line in map(json.loads, f.gateway.lines) if 'admin' in line][-1]
    fields = {
        'Host': 'localhost', 'Authorization': f'Bearer {TOKEN}',
        **({'Content-Length': len(body)} if body else {}),
        **{k.replace('_', '-'): v
           for k, v in headers.items()}
    }
    lines = [
        f'{method} {path} HTTP/1.1', *(f'{k}: {v}' for k, v in fields.items() if v is not None), '',
        ''
    ]
    f.clients.append(Client(address, '\r\n'.join(lines).encode() + body.encode()))
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
def the_admin_address_is_not_for_pages_of_others(f):
    f.start('health', admin=ADMIN)
    check_envelope(ask(f, Origin='http://localhost:5173'), 403)
    check_envelope(ask(f, Origin='http://localhost.evil.example'), 403)
    check_envelope(ask(f, Origin='null'), 403)
    check_envelope(ask(f, Host='rebound.example'), 421)
    check_envelope(ask(f, Host='rebound.example', Origin='http://rebound.example'), 421)
    check(ask(f, Origin='http://localhost').status == 200, 'its own page is rejected')


def log_in(f, token=TOKEN, **headers):
    return ask(f, '/session', 'POST', f'token={token}\r\n', Authorization=None,
               Origin='http://localhost', Content_Type='text/plain', **headers)


def cookie(f):
    """What a browser sends once it has logged in."""
    return log_in(f).header('set-cookie').partition(';')[0]


@test
def a_browser_logs_in_by_a_form(f):
    f.start('health', admin=ADMIN)
    page = ask(f, '/nothing/', Authorization=None, Accept='text/html,*/*')
    check(page.status == 401 and b'action="/session"' in page.body, page.status, page.body)
    check("default-src 'none'" in page.header('content-security-policy'), page.headers)
    style = ask(f, '/session.css', Authorization=None)
    check(style.status == 200 and style.header('content-type') == 'text/css', style.headers)
    done = log_in(f, Referer='http://localhost/nothing/?outcome=failed')
    check(done.status == 303, done.status, done.body)
    check(done.header('location') == 'http://localhost/nothing/?outcome=failed', done.headers)
    flags = 'Path=/; HttpOnly; SameSite=Strict; Max-Age=43200'
    check(done.header('set-cookie').partition('; ')[2] == flags, done.headers)
    session = {'Authorization': None, 'Cookie': done.header('set-cookie').partition(';')[0]}
    check(ask(f, **session).status == 200, 'the cookie is rejected')


@test
def a_login_leads_to_no_other_address(f):
    f.start('health', admin=ADMIN)
    for elsewhere in ('http://evil.example/', 'http://localhost.evil.example/', '//evil.example'):
        check(log_in(f, Referer=elsewhere).header('location') == '/', elsewhere)


@test
def a_login_over_https_gives_a_secure_cookie(f):
    f.start('health', admin={**ADMIN, 'hosts': ['ai.example']})
    done = ask(f, '/session', 'POST', f'token={TOKEN}', Authorization=None, Host='ai.example',
               Origin='https://ai.example')
    check(done.header('set-cookie').endswith('; Secure'), done.headers)


@test
def a_wrong_token_gives_no_session(f):
    f.start('health', admin=ADMIN)
    wrong = log_in(f, TOKEN + 'x')
    check(wrong.status == 401 and b'not the admin token' in wrong.body, wrong.body)
    check(wrong.header('set-cookie') is None, wrong.headers)
    check_envelope(ask(f, Authorization=None, Cookie='gatehouse-session=9999999999.00'), 401)
    f.logged(message='wrong admin token', client='127.0.0.1')


@test
def a_session_changes_nothing_for_another_page(f):
    f.start('health', admin=ADMIN)
    session = {'Authorization': None, 'Cookie': cookie(f)}
    check_envelope(ask(f, '/reload', 'POST', **session), 403)
    check_envelope(ask(f, '/reload', 'POST', Origin='http://localhost:5173', **session), 403)
    check_envelope(ask(f, Origin='http://localhost:5173', **session), 403)
    check(ask(f, '/reload', 'POST', Origin='http://localhost', **session).status == 200,
          'its own page cannot reload')


@test
def a_session_ends_with_its_token(f):
    f.start('health', admin=ADMIN)
    session = {'Authorization': None, 'Cookie': cookie(f)}
    f.configure('health', admin={**ADMIN, 'token': TOKEN + '-next'})
    f.gateway.signal('HUP')
    f.logged(message='reloaded')
    check_envelope(ask(f, **session), 401)


@test
def a_browser_forgets_its_session_when_it_logs_out(f):
    f.start('health', admin=ADMIN)
    out = ask(f, '/session', 'DELETE', Authorization=None, Cookie=cookie(f),
              Origin='http://localhost')
    check(out.status == 204 and 'Max-Age=0' in out.header('set-cookie'), out.status, out.headers)


@test
def wrong_tokens_lock_their_address(f):
    f.start('health', admin=ADMIN)
    session = {'Authorization': None, 'Cookie': cookie(f)}
    for _ in range(10):
        check_envelope(ask(f, Authorization='Bearer wrong'), 401)
    locked = ask(f)
    check_envelope(locked, 429)
    check(0 < int(locked.header('retry-after')) <= 60, locked.headers)
    check(log_in(f).status == 429, 'the form takes a token')
    check(ask(f, **session).status == 200, 'the session is locked out')


@test
def the_status_has_what_an_operator_looks_for(f):
    f.start('health', server={'max_running': 7}, admin=ADMIN)
    got = status(f)
    check(got['max_running'] == 7 and got['log_level'] == 'info', got)
    check(got['plugins'][0]['place'].endswith('config.yaml:11'), got['plugins'])
    process = got['process']
    check(1 << 20 < process['resident_bytes'] < 1 << 30, process)
    check(0 < process['open_fds'] < process['max_fds'], process)


@test
def the_log_level_changes_until_the_next_reload(f):
    f.start('health', admin=ADMIN)
    check_envelope(ask(f, '/log-level', 'PUT', '{"level": "loud"}'), 400)
    check_envelope(ask(f, '/log-level', 'PUT', 'debug'), 400)
    check(ask(f, '/log-level', 'PUT', '{"level": "debug"}').status == 204, 'the level is rejected')
    check(status(f)['log_level'] == 'debug', 'the level has not changed')
    ask(f, '/reload', 'POST')
    check(status(f)['log_level'] == 'info', 'the level was kept')


@test
def the_operator_reads_the_log_of_a_request(f):
    f.start('access-log', 'health', admin=ADMIN)
    f.client(get()[:-2] + b'X-Request-Id: mine-1\r\n\r\n').answer()
    f.client(get()[:-2] + b'X-Request-Id: other-1\r\n\r\n').answer()

    def lines(query):
        return [json.loads(line) for line in ask(f, f'/log{query}').body.splitlines()]
    eventually(lambda: len(lines('?request=mine-1')) == 2, PATIENCE, 'the log has not its lines')
    check(all(line['request'] == 'mine-1' for line in lines('?request=mine-1')), lines(''))
    check(any(line['message'] == 'listening' for line in lines('')), lines(''))


@test
def the_operator_shuts_the_gateway_down(f):
    f.start('health', admin=ADMIN)
    check(ask(f, '/drain', 'POST').status == 202, 'it does not')
    f.ends(0)


@test
def the_operator_sends_what_a_client_would(f):
    f.start('access-log', {'cors': {'origins': []}}, *simulator(), admin=ADMIN)
    body = '{"messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}]}'
    asks = {'Content_Type': 'application/json', 'Origin': 'http://localhost',
            'X_Extension_ID': 'abcdefghijklmnopabcdefghijklmnop', 'Cookie': cookie(f)}
    chat = ask(f, '/client/api/chat', 'POST', body, Authorization=None, **asks)
    check(chat.status == 200 and b'"type":"finish"' in chat.body, chat.status, chat.body)
    check(chat.header('content-type') == 'text/event-stream', chat.headers)
    check_envelope(ask(f, '/client/api/chat', 'POST', body, **{**asks, 'X_Extension_ID': None}), 401)
    check_envelope(ask(f, '/client/nothing'), 404)
    check_envelope(ask(f, '/client/api/chat', 'POST', body, Authorization=None,
                       **{**asks, 'Cookie': None}), 401)
    f.logged(message='← 200 POST /api/chat')


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
