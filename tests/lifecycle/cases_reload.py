"""Reloads: what they leave behind, what they change, and what keeps them from changing anything."""
import collections
import http.server
import json
import os
import re
import shutil
import sys
import threading
import time
from pathlib import Path

from cases_admin import ADMIN, ask, status
from checks import PATIENCE, check, check_envelope, check_stream, eventually
from client import chat, get
from fixture import HERE, LOG_IN_FILE, gemini, simulator, test
from processes import children
from vitals import Vitals

RELOADS = 5


def tools(*words):
    """The plugin, with a tool server."""
    return {
        'mcp': {
            'servers': [{
                'name': 'tools',
                'command': [sys.executable,
                            str(HERE.parent / 'mcp/server.py'), *words]
            }]
        }
    }


def reload(f):
    answer = ask(f, '/reload', 'POST')
    f.clients[-1].leave()
    return answer.status, json.loads(answer.body)


class Models(http.server.ThreadingHTTPServer):
    """Says that it has no models, and counts who asks by their keys."""
    def __init__(self):
        asked = self.asked = collections.Counter()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked[self.headers['X-Goog-Api-Key']] += 1
                self.send_response(200)
                self.send_header('Content-Length', '2')
                self.end_headers()
                self.wfile.write(b'{}')

            def log_message(self, *_):
                pass
        super().__init__(('127.0.0.1', 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


# ---- What is left of the pipeline before

@test
def reloads_with_an_admin_address_leave_nothing_behind(f):
    models = Models()
    f.providers.append(models)

    def configure(key):
        provider = {
            'api_key': key, 'base_url': 'http://127.0.0.1:%d' % models.server_port,
            'probe_interval': '1s'
        }
        return ['health', 'extension-auth', 'chat', tools(), {'gemini': provider}]
    f.start(*configure('key-0'), admin=ADMIN)
    # A server has a watchdog.
    eventually(lambda: len(children(f.pid)) == 2 and models.asked['key-0'], PATIENCE,
               'it does not begin its work')
    vitals, threads = Vitals(f.pid), f.thread_count()
    for i in range(1, RELOADS + 1):
        f.configure(*configure(f'key-{i}'), admin=ADMIN)
        check(reload(f)[0] == 200, 'it was refused')
        eventually(lambda: models.asked[f'key-{i}'], PATIENCE, 'the new pipeline does not work')
    eventually(lambda: len(children(f.pid)) == 2, PATIENCE, 'processes of older pipelines live')
    eventually(lambda: f.thread_count() <= threads + 2, PATIENCE, f'more than {threads} threads')
    problem = vitals.descriptors_problem(PATIENCE, slack=4)
    check(not problem, problem)
    models.asked.clear()
    eventually(lambda: models.asked[f'key-{RELOADS}'] >= 2, PATIENCE, 'it does not work any more')
    check(set(models.asked) == {f'key-{RELOADS}'}, 'old keys are sent:', models.asked)


@test
def a_plugin_that_takes_long_to_end_holds_up_nothing(f):
    f.start('health', *simulator()[:-1], tools('--stubborn'), simulator()[-1], admin=ADMIN)
    eventually(lambda: len(children(f.pid)) == 2, PATIENCE, 'the server does not start')
    began = time.monotonic()
    for _ in range(2):
        check(reload(f)[0] == 200, 'it was refused')
    check(time.monotonic() - began < 4.0,
          'the second reload waited for the first pipeline')    # which takes 5 s
    f.gateway.signal('TERM')
    f.logged(message='shutting down')
    check(time.monotonic() - began < 4.5, 'SIGTERM waited for the first pipeline')
    f.ends(0)


# ---- All or nothing

@test
def a_reload_for_which_there_are_no_descriptors_changes_nothing(f):
    most = 64
    models = [{'gemini': {'api_key': 'k', 'base_url': 'http://127.0.0.1:1'}, 'as': f'g{i}'}
              for i in range(4)]
    f.start('health',
            'chat',
            *models,
            shell=f'ulimit -n {most}; exec "$@"',
            shutdown={'grace': '1s'})
    clients = []

    def all_but_two_are_used():
        missing = most - 2 - Vitals(f.pid).files
        clients.extend(f.client(get()[:10]) for _ in range(missing))
        return missing <= 0
    eventually(all_but_two_are_used, PATIENCE, 'descriptors are left')
    f.gateway.signal('HUP')
    f.logged(level='error', message='cannot begin its work in the background: Too many open files')
    f.logged(level='error', message='reload failed: keeping the running configuration')
    for client in clients:
        client.leave()
    eventually(lambda: Vitals(f.pid).files < most / 2, PATIENCE, 'the descriptors do not come back')
    f.gateway.signal('HUP')
    f.logged(message='reloaded')


@test
def a_log_that_cannot_be_opened_changes_nothing(f):
    f.start('health', admin=ADMIN)
    f.configure(*simulator(), admin=ADMIN, log={'file': 'nowhere/gateway.log'})
    code, told = reload(f)
    check(code == 422 and told['problems'][0]['line'], code, told)
    check('nowhere' in told['problems'][0]['text'], told)
    check_envelope(f.client(chat()).answer(), 404)


# ---- POST /reload

@test
def a_reload_tells_whoever_asked_how_it_went(f):
    f.start('health', admin=ADMIN)
    check('reload' not in status(f), 'a reload before the first')
    code, told = reload(f)
    check((code, told) == (200, {'ok': True, 'pipeline': 'health', 'problems': [], 'warnings': []}),
          code, told)
    check(status(f)['reload']['ok'], 'the status says something else')
    lines = f.configure('health', 'cros', admin=ADMIN).read_text().splitlines()
    code, told = reload(f)
    [line] = [i for i, text in enumerate(lines, 1) if 'cros' in text]
    text = 'unknown plugin `cros`: did you mean `cors`?'
    problem = {'file': str(f.folder / 'config.yaml'), 'line': line, 'column': 3, 'text': text}
    check(
        (code, told) == (422,
                         {'ok': False, 'pipeline': 'health', 'problems': [problem],
                          'warnings': []}), code, told)
    check(status(f)['reload']['problems'] == [problem], 'the status has', status(f)['reload'])
    f.check_healthy()


# ---- Settings of the core

@test
def what_takes_effect_at_a_start_only_is_named(f):
    f.start('health', admin=ADMIN)
    f.configure('health', admin=ADMIN, store={'max_size': '2MiB'})
    code, told = reload(f)
    [warning] = told['warnings']
    check(code == 200 and warning['line'] and warning['column'], code, told)
    check(warning['text'] == '`store.max_size` has changed: that needs a restart', warning)
    f.configure('health', admin=ADMIN, store='redis://127.0.0.1:1')
    f.gateway.signal('HUP')
    f.logged(level='warn', message='`store` has changed')
    f.check_healthy()


@test
def a_reload_changes_the_level_and_the_file_of_the_log(f):
    def configure(**log):
        f.configure('access-log', 'health', admin=ADMIN, log=log)
        check(reload(f)[0] == 200, 'it was refused')
    f.start('access-log', 'health', admin=ADMIN, log={'file': 'gateway.log'}, shell=LOG_IN_FILE)
    first, second = f.folder / 'gateway.log', f.folder / 'second.log'
    f.client(get('/health')).answer()
    configure(file='second.log', level='warn')
    f.client(get('/livez')).answer()
    configure(level='info')
    f.client(get('/readyz')).answer()
    f.logged(path='/readyz')
    check('/health' in first.read_text() and '/livez' not in first.read_text(), 'it has:',
          first.read_text())
    check(second.read_text() == '', 'the second file has:', second.read_text())


@test
def a_reload_changes_limits_hosts_and_the_token(f):
    provider = f.provider()
    f.start('health', *gemini(provider.address), admin=ADMIN)
    kept = f.client(get())
    check(kept.answer().status == 200, 'not healthy')
    as_gateway = get().replace(b'localhost', b'gateway.example')
    check_envelope(f.client(as_gateway).answer(), 421)
    running = f.client(chat())
    f.take(provider).begin()

    fresh = 'another-token-of-the-operator'
    f.configure('health', *gemini(provider.address), admin={**ADMIN, 'token': fresh},
                server={'max_running': 1, 'hosts': ['gateway.example']})
    check(reload(f)[0] == 200, 'it was refused')
    check_envelope(ask(f), 401)
    check(ask(f, Authorization=f'Bearer {fresh}').status == 200, 'the new token is refused')
    kept.send(as_gateway)
    check(kept.answer().status == 200, 'an open connection is served by the old settings')
    check_envelope(f.client(chat()).answer(), 503)
    running.leave()


@test
def a_reload_changes_how_long_the_end_may_take(f):
    def endless(call):
        call.begin()
        call.send('begins')
        call.is_gone(60.0)
    provider = f.provider(endless)
    f.start(*gemini(provider.address), shutdown={'grace': '60s'})
    client = f.client(chat())
    client.wait_for('begins')
    f.configure(*gemini(provider.address), shutdown={'grace': '0s'})
    f.gateway.signal('HUP')
    f.logged(message='reloaded')
    f.gateway.signal('TERM')
    check_stream(client.answer(), '"type":"error"')
    f.ends(0)


@test
def a_reload_reads_the_folder_of_included_files_anew(f):
    (f.folder / 'conf.d').mkdir()
    f.start('health', admin=ADMIN, include='conf.d/*.yaml')
    f.write('conf.d/hosts.yaml', 'server:\n  hosts: [gateway.example]\n')
    f.write('conf.d/log.yaml', 'pipeline: [{access-log: {}, before: health}]')
    code, told = reload(f)
    check((code, told['pipeline']) == (200, 'access-log → health'), code, told)
    check(f.client(get().replace(b'localhost', b'gateway.example')).answer().status == 200,
          'the host is unknown')
    f.write('conf.d/hosts.yaml', 'server: {listen: ""}\n')
    code, told = reload(f)
    check(code == 422 and told['problems'][0]['file'] == str(f.folder / 'conf.d/hosts.yaml'), told)


# ---- Files of plugins

def with_own_plugins(f, *pipeline):
    """A gateway whose plugins are files in the folder of the test."""
    folder = f.folder / 'plugins'
    shutil.copytree(Path(f.binary).parent.parent / 'lib/gatehouse/plugins', folder)
    f.start(*pipeline, plugins_dir='plugins', admin=ADMIN)
    return folder


def replace(file, content):
    """As package managers do it."""
    fresh = file.with_suffix('.new')
    fresh.write_bytes(content)
    fresh.rename(file)


@test
def a_plugin_that_was_installed_again_is_no_change(f):
    folder = with_own_plugins(f, 'health', *simulator())
    for file in folder.iterdir():
        replace(file, file.read_bytes())
    code, told = reload(f)
    check(code == 200 and not told['warnings'], code, told)
    os.utime(folder / 'chat.so')
    code, told = reload(f)
    check(code == 200 and not told['warnings'], code, told)
    check_stream(f.client(chat()).answer())


@test
def a_plugin_file_that_is_damaged_keeps_no_reload_from_being_used(f):
    folder = with_own_plugins(f, 'health', *simulator())
    file = folder / 'chat.so'
    for change in (lambda: replace(file, b'not a plugin'), file.unlink):
        change()
        f.configure('health', *simulator(system_prompt='New'), plugins_dir='plugins', admin=ADMIN)
        code, told = reload(f)
        check(code == 200, code, told)
        [warning] = [w['text'] for w in told['warnings']]
        check('chat.so' in warning and 'loaded from it before, stays in use' in warning, warning)
        check_stream(f.client(chat()).answer())


@test
def a_plugin_that_is_written_over_does_not_end_the_gateway(f):
    folder = with_own_plugins(f, 'health', *simulator())
    os.truncate(folder / 'chat.so', 100)
    check_stream(f.client(chat()).answer())
    with open(folder / 'simulator.so', 'r+b') as file:
        file.write(b'\xcc' * 30000)
    check_stream(f.client(chat()).answer())
    f.check_healthy()


@test
def a_plugin_that_is_cut_short_is_refused(f):
    folder = with_own_plugins(f, 'health')
    whole = (folder / 'cors.so').read_bytes()
    for size in (100, len(whole) // 2, len(whole) - 1):
        replace(folder / 'cors.so', whole[:size])
        f.configure('health', 'cors', plugins_dir='plugins', admin=ADMIN)
        code, told = reload(f)
        check(code == 422 and 'truncated' in told['problems'][0]['text'], size, told)
    f.check_healthy()
