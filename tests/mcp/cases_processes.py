"""Servers that are processes: how they are started, what they get, and that none is left."""
import json
import os
import signal
import time
from pathlib import Path

from checks import PATIENCE, check, eventually
from client import get
from play import local, test
from processes import children, state

PAUSE = 1.0     # seconds before a server is started again for the first time


def is_gone(pid):
    return state(pid) in (None, 'Z')    # an orphan may not be reaped by the init of this system


@test
def arguments_arrive_as_they_are(f):
    words = ['a; touch pwned', '$(touch pwned)', 'two\nlines', '*', '']
    f.begin(local('local', '--arguments', *words))
    check(json.loads(f.ask(('local_arguments', {}))[0]) == words, 'others arrived')
    check(not (f.folder / 'pwned').exists(), 'a shell has seen them')


@test
def the_environment_holds_no_key_of_the_gateway(f):
    f.begin(local(env={'TOKEN': 'of the server'}),
            env={'GEMINI_API_KEY': 'MARKED-KEY', 'REDIS_PASSWORD': 'MARKED-KEY'})
    got = json.loads(f.ask(('local_environment', {}))[0])
    check(got['TOKEN'] == 'of the server' and 'MARKED-KEY' not in got.values(), got)
    check(set(got) <= {'HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER', 'TOKEN', 'LC_CTYPE'},
          sorted(got))


@test
def a_server_that_dies_fails_its_call_at_once_and_comes_back(f):
    f.begin(local())
    for how in ('exit', 'kill'):
        began = time.monotonic()
        told = f.ask((f'local_{how}', {}))
        check('ended' in told[0], told)
        check(time.monotonic() - began < 1.0 + PAUSE, 'the chat took', time.monotonic() - began)
        eventually(lambda: f.ask_if_offered('local_echo', {'text': 'back'}) == ['back'], PATIENCE,
                   'it does not come back')


@test
def a_server_that_never_starts_keeps_no_chat_from_its_answer(f):
    f.begin(local(), {'name': 'ghost', 'command': ['/no/such/program']},
            {'name': 'nowhere', 'url': 'http://127.0.0.1:1/mcp'})
    check(f.ask(('local_echo', {'text': 'hi'})) == ['hi'], 'the other server is disturbed')
    eventually(lambda: b'server ghost' in f.client(get('/health/detailed')).answer().body,
               PATIENCE, 'health does not tell')
    check(f.ask_if_offered('ghost_echo', {}) is None, 'a tool is offered that nobody has')
    health = json.loads(f.client(get('/health/detailed')).answer().body)
    check(health['checks']['mcpClients']['status'] == 'degraded', health['checks'])


@test
def servers_that_die_all_the_time_leave_nothing_behind(f):
    servers = [{'name': f's{number}', 'command': ['true']} for number in range(40)]
    f.begin(*servers)
    descriptors = Path(f'/proc/{f.pid}/fd')
    eventually(lambda: f.count('MCP server is down') >= 40, PATIENCE, 'they do not die')
    before = len(list(descriptors.iterdir()))
    time.sleep(PAUSE + 2.5)     # in which each is started two more times
    eventually(lambda: not children(f.pid), PATIENCE, 'there are',
               [state(pid) for pid in children(f.pid)])
    check(len(list(descriptors.iterdir())) <= before, 'descriptors:', before,
          len(list(descriptors.iterdir())))


@test
def the_gateway_takes_its_servers_with_it(f):
    f.begin(local('quick'), local('stubborn', '--stubborn'))
    pids = [int(pid) for pid in f.ask(('quick_pid', {}), ('stubborn_pid', {}))]
    began = time.monotonic()
    f.gateway.signal('TERM')
    eventually(lambda: is_gone(pids[0]), 2.0, 'it did not end with its input')
    f.ends(0)
    check(time.monotonic() - began < 7.0, 'it took', time.monotonic() - began)
    check(is_gone(pids[1]), 'the stubborn one lives')


@test
def a_gateway_that_is_killed_takes_its_servers_with_it(f):
    f.begin(local('stubborn', '--stubborn'))
    pid = int(f.ask(('stubborn_pid', {}))[0])
    f.gateway.signal('KILL')
    eventually(lambda: is_gone(pid), 1.0, 'it lives')
    f.ends(-signal.SIGKILL)


@test
def a_gateway_that_is_killed_takes_with_it_what_its_servers_have_started(f):
    f.begin(local())
    pid = int(f.ask(('local_helper', {'seconds': 60}))[0])
    check(not is_gone(pid), 'it has not started')
    f.gateway.signal('KILL')
    eventually(lambda: is_gone(pid), 2.0, 'it lives')
    f.ends(-signal.SIGKILL)


@test
def a_gateway_that_is_process_1_leaves_no_zombies(f):
    f.begin(local(),
            shell='exec unshare --map-root-user --user --pid --fork --mount-proc --kill-child "$@"')
    for _ in range(3):
        f.ask(('local_helper', {'seconds': 0}))
    [gateway] = children(f.pid)
    eventually(lambda: not any(state(pid) == 'Z' for pid in children(gateway)), 2.0, 'zombies')
    os.kill(gateway, signal.SIGTERM)
    f.ends(0)


@test
def a_server_runs_in_its_folder_with_an_ordinary_limit_of_descriptors(f):
    f.begin(local(cwd='/usr'))
    check(f.ask(('local_folder', {}), ('local_limit', {})) == ['/usr', '1024'], 'it does not')


@test
def a_server_that_needs_long_to_start_gets_more_time(f):
    f.begin(local('local', '--slow', '2.5', connect_timeout='1s'))
    eventually(lambda: f.ask_if_offered('local_echo', {'text': 'up'}) == ['up'], 15.0,
               'it is killed each time')


@test
def a_reload_starts_the_servers_anew(f):
    f.begin(local())
    before = int(f.ask(('local_pid', {}))[0])
    os.kill(f.pid, signal.SIGHUP)
    f.logged(message='reloaded')
    check(int(f.ask(('local_pid', {}))[0]) != before, 'the old one answers')
    eventually(lambda: is_gone(before), PATIENCE, 'the old one lives')
