"""Real servers, as people run them. Needs `npm ci` in this folder, once."""
import json
import os
import shutil
import socket
import subprocess

from cases_admin import ADMIN, ask
from checks import PATIENCE, Wrong, check, eventually
from play import HERE, chat, test

NODE = shutil.which('node') or 'node'
TIMES = {'connect_timeout': '30s'}      # node on a busy machine


def installed(name):
    path = HERE / 'node_modules' / '@modelcontextprotocol' / f'server-{name}' / 'dist' / 'index.js'
    check(path.exists(), 'run `npm ci` in', HERE)
    return str(path)


def real(name, *words, **settings):
    return {'name': name, 'command': [NODE, installed(name), *words], **TIMES, **settings}


def tools(f):
    """Of each server, what it offers; all must be up."""
    servers = json.loads(ask(f, '/mcp/servers').body)
    check(all(server['state'] == 'up' for server in servers), servers)
    return {server['name']: {tool.get('offered_as') for tool in server['tools']}
            for server in servers}


def check_everything(f):
    """What the server that has everything does, whatever carries it."""
    check(f.ask(('everything_echo', {'message': 'hé'})) == ['Echo: hé'], 'echo')
    told = f.ask(('everything_get-sum', {'a': 2, 'b': 40}),
                 ('everything_get-structured-content', {'location': 'Chicago'}))
    check('42' in told[0] and 'temperature' in told[1], told)
    told = f.ask(('everything_trigger-long-running-operation',
                  {'duration': 1, 'steps': 4}))    # tells its progress meanwhile
    check('completed' in told[0].lower(), told)
    told = f.ask(('everything_get-sum', {'a': 'no number'}))
    check('Invalid' in told[0] or 'invalid' in told[0], told)


@test
def everything_over_pipes(f):
    f.begin(real('everything'), admin=ADMIN, env={'GEMINI_API_KEY': 'MARKED-KEY'})
    check('everything_echo' in tools(f)['everything'], tools(f))
    check_everything(f)
    check('MARKED-KEY' not in f.ask(('everything_get-env', {}))[0], 'it has the key')


@test
def everything_over_http(f):
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    command = [NODE, '--require', str(HERE / 'loopback.cjs'), installed('everything'),
               'streamableHttp']
    server = subprocess.Popen(command, env={**os.environ, 'PORT': str(port)},
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        f.begin({'name': 'everything', 'url': f'http://127.0.0.1:{port}/mcp', **TIMES},
                admin=ADMIN)    # which may be up before it is
        eventually(lambda: ask(f, '/mcp/servers').body.count(b'"state":"up"'), PATIENCE * 3,
                   'it is not up')
        check_everything(f)
        f.stop()
    finally:
        server.terminate()
        server.wait()


@test
def a_folder_of_files(f):
    folder = f.folder.resolve() / 'files'
    folder.mkdir()
    f.begin(real('filesystem', str(folder), tools={'deny': ['move_*', 'edit_*']}), admin=ADMIN)
    offered = tools(f)['filesystem']
    check('filesystem_write_file' in offered and 'filesystem_move_file' not in offered, offered)
    f.ask(('filesystem_write_file', {'path': str(folder / 'note.txt'), 'content': 'naïve\n'}))
    check((folder / 'note.txt').read_text(encoding='utf-8') == 'naïve\n', 'nothing was written')
    check(f.ask(('filesystem_read_text_file', {'path': str(folder / 'note.txt')})) == ['naïve\n'],
          'it reads something else')
    told = f.ask(('filesystem_read_text_file', {'path': '/etc/passwd'}))
    check('denied' in told[0].lower(), told)


@test
def a_memory(f):
    f.begin(real('memory', env={'MEMORY_FILE_PATH': str(f.folder / 'memory.json')}), admin=ADMIN)
    tools(f)
    f.ask(('memory_create_entities',
           {'entities': [{'name': 'Ada', 'entityType': 'person', 'observations': ['counts']}]}))
    check('Ada' in f.ask(('memory_read_graph', {}))[0], 'it has forgotten')


@test
def eight_chats_use_one_server_at_the_same_time(f):
    f.begin(real('everything'), admin=ADMIN)
    tools(f)
    f.calls = [('everything_echo', {'message': str(number)}) for number in range(4)]
    clients = [f.client(chat('everything_echo')) for _ in range(8)]
    for client in clients:
        body = client.answer().body.decode()
        if not all(f'Echo: {number}' in body for number in range(4)):
            raise Wrong(body[-2000:])
