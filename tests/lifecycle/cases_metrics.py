"""What the gateway tells of itself: its numbers and its health."""
import os
import subprocess
import time

from checks import PATIENCE, check, check_stream, eventually
from client import chat, get
from fixture import gemini, simulator, test


def metrics(f):
    """The values of GET /metrics by series, and its text."""
    answer = f.client(get('/metrics')).answer()
    kind = 'text/plain; version=0.0.4; charset=utf-8'
    check(answer.status == 200 and answer.header('Content-Type') == kind, answer.status,
          answer.headers)
    text = answer.body.decode()
    return dict(line.rsplit(' ', 1) for line in text.splitlines() if not line.startswith('#')), text


def counted(f, route, method, code):
    return metrics(f)[0].get(
        f'gatehouse_http_requests_total{{route="{route}",method="{method}",code="{code}"}}')


def running_chat(f, provider):
    """A client whose answer has begun, and the call of the provider that is to end it."""
    client = f.client(chat())
    call = f.take(provider)
    call.begin()
    call.send('first')
    client.wait_for('first')
    return client, call


@test
def prometheus_reads_the_metrics_without_a_complaint(f):
    f.start('health', 'metrics', *simulator())
    check_stream(f.client(chat()).answer())
    lint = subprocess.run(['promtool', 'check', 'metrics'],
                          input=metrics(f)[1],
                          text=True,
                          capture_output=True)
    check(lint.returncode == 0 and not lint.stderr, lint.stdout, lint.stderr)


@test
def the_metrics_tell_how_the_process_is(f):
    began = time.time()
    f.start('metrics')
    told = {
        name: float(value)
        for name, value in metrics(f)[0].items() if name.startswith('process_')
    }
    check(0 <= told['process_cpu_seconds_total'] < 60, told)
    check(1e6 < told['process_resident_memory_bytes'] < told['process_virtual_memory_bytes'], told)
    check(abs(told['process_threads'] - f.thread_count()) <= 4, told, f.thread_count())
    check(abs(told['process_open_fds'] - len(os.listdir(f'/proc/{f.pid}/fd'))) <= 4, told)
    check(told['process_max_fds'] > told['process_open_fds'], told)
    check(abs(told['process_start_time_seconds'] - began) < 10, told, began)


@test
def requests_are_counted_by_what_the_client_got(f):
    f.start('metrics', *simulator())
    check_stream(f.client(chat()).answer())
    f.client(chat(extension=None)).answer()
    f.client(get('/secret')).answer()
    check(counted(f, '/api/chat', 'POST', 200) == '1', 'the chat is not counted')
    check(counted(f, '/api/chat', 'POST', 401) == '1', 'the refusal is not counted')
    check(counted(f, 'other', 'GET', 404) == '1', 'the unknown path is not counted')
    check('secret' not in metrics(f)[1], 'the unknown path is a label')


@test
def requests_that_the_server_rejects_are_counted_by_their_code(f):
    f.start('metrics')
    stranger = f.client(get().replace(b'localhost', b'elsewhere.example'))
    check(stranger.answer().status == 421, 'a foreign Host is accepted')
    series = 'gatehouse_refusals_total{code="misdirected_request"}'
    check(metrics(f)[0].get(series) == '1', 'the rejection is not counted')


@test
def a_failed_reload_shows_in_the_metrics_until_one_succeeds(f):
    f.start('metrics')
    successful = 'gatehouse_config_last_reload_successful'
    check(metrics(f)[0][successful] == '1', 'before the first reload')
    f.configure('metrics', 'no-such-plugin')
    f.gateway.signal('HUP')
    eventually(lambda: metrics(f)[0][successful] == '0', PATIENCE, 'the failure does not show')
    f.configure('metrics')
    f.gateway.signal('HUP')
    eventually(lambda: metrics(f)[0][successful] == '1', PATIENCE, 'the success does not show')


@test
def a_reload_loses_no_number(f):
    provider = f.provider()
    f.start('metrics', *gemini(provider.address))
    client, call = running_chat(f, provider)
    f.gateway.signal('HUP')
    f.logged(message='reloaded')
    in_flight = 'gatehouse_http_requests_in_flight'
    check(metrics(f)[0][in_flight] == '1', 'the chat that runs is not in flight')
    call.finish()
    check_stream(client.answer())
    check(counted(f, '/api/chat', 'POST', 200) == '1', 'the chat is not counted')
    check(metrics(f)[0][in_flight] == '0', 'the chat that has ended is in flight')
    check(
        metrics(f)[0]['gatehouse_plugin_calls_total{plugin="chat"}'] == '1',
        'the calls of plugins begin anew')


@test
def the_gateway_is_ready_until_it_shuts_down(f):
    provider = f.provider()
    f.start('health', *gemini(provider.address))
    client, call = running_chat(f, provider)
    probe, request = f.client(get('/readyz')), get('/readyz')
    check(probe.answer().status == 200, 'not ready')
    probe.send(request[:10])
    f.check_healthy()   # asked later: what was sent before has been taken
    f.gateway.signal('TERM')
    f.wait_refused()
    probe.send(request[10:])
    answer = probe.answer()
    check(answer.status == 503 and b'[-]shutdown failed' in answer.body, answer.status, answer.body)
    call.finish()
    check_stream(client.answer())
    f.ends(0)
