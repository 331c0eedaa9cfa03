"""Calls, and servers that say what they should not."""
import json
import time

from checks import PATIENCE, check, eventually
from play import chat, local, test


def journal(f):
    path = f.folder / 'journal'
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def is_cancelled(f):
    sent = journal(f)
    ids = {m['id'] for m in sent if m['method'] == 'tools/call'}
    return {m['params']['requestId'] for m in sent
            if m['method'] == 'notifications/cancelled'} == ids


@test
def calls_of_a_step_run_at_the_same_time(f):
    f.begin(local('a'), local('b'))
    f.ask(('a_echo', {}), ('b_echo', {}))       # both are connected
    began = time.monotonic()
    f.ask(('a_sleep', {'seconds': 1}), ('a_sleep', {'seconds': 1}), ('b_sleep', {'seconds': 1}))
    check(time.monotonic() - began < 1.9, 'it took', time.monotonic() - began)


@test
def a_call_that_hangs_ends_at_its_time_and_is_cancelled(f):
    f.begin(local('local', '--journal', str(f.folder / 'journal'), call_timeout='1s'))
    f.ask(('local_echo', {}))
    (f.folder / 'journal').write_text('')
    began = time.monotonic()
    told = f.ask(('local_sleep', {'seconds': 60}))
    check(told == ['The tool did not respond within 1000 ms.'], told)
    check(0.9 < time.monotonic() - began < 1.5, 'it took', time.monotonic() - began)
    eventually(lambda: is_cancelled(f), PATIENCE, 'the server was not told')


@test
def a_client_that_leaves_cancels_its_calls(f):
    f.begin(local('local', '--journal', str(f.folder / 'journal')))
    f.ask(('local_echo', {}))
    (f.folder / 'journal').write_text('')
    f.calls = [('local_sleep', {'seconds': 60}), ('local_sleep', {'seconds': 50})]
    client = f.client(chat('local_sleep'))
    eventually(lambda: len(journal(f)) == 2, PATIENCE, 'the calls do not begin')
    client.leave()
    eventually(lambda: is_cancelled(f), 1.0, 'the server was not told')


@test
def nonsense_between_messages_changes_nothing(f):
    f.begin(local())
    check(f.ask(('local_garbage', {}), ('local_twice', {}),
                ('local_echo', {'text': 'sane'})) == ['garbage', 'twice', 'sane'], 'it does')
    check(f.ask(('local_twice', {}), ('local_echo', {'text': 'sane'})) == ['twice', 'sane'],
          'it does later')
    f.logged(level='warn', message='MCP server wrote non-protocol output to stdout')


@test
def a_line_of_100_mb_is_dropped_and_costs_no_memory(f):
    f.begin(local())
    f.ask(('local_echo', {}))
    before = f.resident_mib()
    check(f.ask(('local_long_line', {}), seconds=60.0) == ['long_line'],
          'the answer after it is lost')
    check(f.resident_mib() < before + 30, f'from {before} to {f.resident_mib()} MiB')


@test
def a_flood_on_standard_error_blocks_nothing(f):
    f.begin(local(), log={'level': 'debug'})
    f.ask(('local_flood', {}))
    for _ in range(5):
        check(f.ask(('local_echo', {'text': 'still here'})) == ['still here'], 'it does')
    check(sum(map(len, f.gateway.lines)) < 1 << 20, 'the log has', sum(map(len, f.gateway.lines)),
          'bytes')


@test
def a_long_result_is_cut_for_the_model(f):
    f.begin(local())
    told = f.ask(('local_big', {'bytes': 2 << 20}), seconds=20.0)
    check(len(told[0]) <= 1 << 20 and set(told[0]) == {'b'}, len(told[0]))


@test
def a_tool_that_appears_is_offered_to_the_next_chat(f):
    f.begin(local())
    check(f.ask_if_offered('local_late', {}) is None, 'it is there before')
    f.ask(('local_change', {}))
    check(f.ask(('local_late', {})) == ['late'], 'it is not')


@test
def an_answer_that_cannot_be_read_fails_its_call_at_once(f):
    f.begin(local())
    began = time.monotonic()
    told = f.ask(('local_unreadable', {}))
    check(told == ['The response of the tool server is not valid JSON.'], told)
    check(time.monotonic() - began < PATIENCE, 'it took', time.monotonic() - began)


@test
def a_list_that_changes_all_the_time_is_not_asked_for_all_the_time(f):
    f.begin(local('local', '--journal', str(f.folder / 'journal'), '--restless'))
    eventually(lambda: lists(f) >= 2, PATIENCE, 'it is not asked for again')
    time.sleep(2.0)
    check(lists(f) < 10, 'it was asked for', lists(f), 'times')


@test
def a_tool_that_is_no_json_costs_no_other(f):
    f.begin(local('local', '--tool',
                  '{"name":"odd","inputSchema":{"type":"object","maximum":NaN}}'))
    check(f.ask(('local_echo', {'text': 'here'})) == ['here'], 'the others are not offered')
    check(f.ask_if_offered('local_odd', {}) is None, 'it is offered')


@test
def of_members_of_one_name_the_last_counts(f):
    schema = '{"properties":{"a":{"type":"array","type":"string"}}}'
    f.begin(local('local', '--tool', f'{{"name":"folder","name":"odd","inputSchema":{schema}}}'))
    check(f.ask(('local_odd', {}), ('local_names_twice', {})) == ['odd', 'last'], 'it does not')
    declared = {tool['name']: tool for tool in f.bodies[0]['tools'][0]['functionDeclarations']}
    check(declared['local_odd']['parametersJsonSchema']['properties'] == {'a': {'type': 'string'}},
          declared)


@test
def progress_extends_a_call_but_not_for_ever(f):
    f.begin(local(call_timeout='1s', max_call_time='3s'))
    check(f.ask(('local_progress', {'steps': 4})) == ['progress'], 'it does not')
    began = time.monotonic()
    check('did not respond' in f.ask(('local_progress', {'steps': 20}))[0], 'it does for ever')
    check(2.9 < time.monotonic() - began < 4.0, 'it took', time.monotonic() - began)


def starts(f):
    return sum(message['method'] == 'initialize' for message in journal(f))


def lists(f):
    return sum(message['method'] == 'tools/list' for message in journal(f))


@test
def a_server_that_answers_nothing_any_more_is_started_again(f):
    f.begin(local('local', '--journal', str(f.folder / 'journal'), '--silent', 'tools/list',
                  connect_timeout='1s', call_timeout='500ms'))
    f.ask(*[('local_sleep', {'seconds': 60})] * 3)
    eventually(lambda: starts(f) == 2, PATIENCE, 'it is not')
    f.logged(message='MCP server is down', reason='It has stopped responding.')


@test
def a_tool_that_hangs_is_no_reason_to_start_its_server_again(f):
    f.begin(local('local', '--journal', str(f.folder / 'journal'), connect_timeout='1s',
                  call_timeout='500ms'))
    f.ask(*[('local_sleep', {'seconds': 60})] * 3)
    eventually(lambda: lists(f) == 2, PATIENCE, 'it is not asked')
    time.sleep(1.5)
    check(starts(f) == 1, 'it is')


@test
def a_list_that_does_not_come_delays_no_chat_for_long(f):
    f.begin(local('local', '--silent', 'tools/list', connect_timeout='8s'))
    f.ask(('local_change', {}))
    for seconds in (3.0, 1.0, 1.0):     # only the first waits for it
        began = time.monotonic()
        check(f.ask(('local_echo', {'text': 'old'})) == ['old'], 'it is not offered')
        check(time.monotonic() - began < seconds, 'a chat took', time.monotonic() - began)
