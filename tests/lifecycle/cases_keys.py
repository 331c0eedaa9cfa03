"""API keys: revoked, replaced and added while the gateway runs."""
import hashlib
import json
import subprocess

from cases_admin import ADMIN
from cases_reload import reload
from checks import PATIENCE, check, check_envelope, check_stream, eventually
from client import chat
from fixture import test

MANY = 100_000


def entry(name, key, **members):
    return {'name': name, 'sha256': hashlib.sha256(key.encode()).hexdigest(), **members}


def lines(*entries):
    return ''.join(json.dumps(one) + '\n' for one in entries)


def pipeline(provider, **keys):
    return [
        'access-log', {'keys': {'paths': ['/api/'], **keys}}, 'chat',
        {'gemini': {'api_key': 'key', 'base_url': f'http://{provider.address}'}}
    ]


def with_key(key):
    return chat(extension=None, headers=(f'Authorization: Bearer {key}',))


def words(call):
    call.answer('word')


def works(f, key):
    status = f.client(with_key(key)).answer().status
    check(status in (200, 401), f'a key brings {status}')
    return status == 200


@test
def a_reload_revokes_a_key_at_once_and_its_streams_end_normally(f):
    provider = f.provider()
    f.start(*pipeline(provider, keys=[entry('a', 'first'), entry('b', 'second')]), admin=ADMIN)
    running = f.client(with_key('first'))
    call = f.take(provider)
    call.begin()
    call.send('begins')
    running.wait_for('begins')
    f.configure(*pipeline(provider, keys=[entry('b', 'second')]), admin=ADMIN)
    check(reload(f)[0] == 200, 'it was refused')
    check_envelope(f.client(with_key('first')).answer(), 401)
    call.send('goes on')
    call.finish()
    check_stream(running.answer())


@test
def a_key_is_replaced_in_the_file_while_both_are_valid(f):
    file = f.write('keys.jsonl', lines(entry('a', 'first')))
    f.start(*pipeline(f.provider(words), file='keys.jsonl'))
    check(works(f, 'first') and not works(f, 'second'), 'the keys before are others')
    file.write_text(lines(entry('a', 'first'), entry('a', 'second')))
    eventually(lambda: works(f, 'second'), PATIENCE, 'the added key is rejected')
    check(works(f, 'first'), 'the first key ended with the second')
    file.write_text(lines(entry('a', 'second')))
    eventually(lambda: not works(f, 'first'), PATIENCE, 'the removed key is accepted')
    check(works(f, 'second'), 'the second key ended with the first')
    f.logged(message='keys reloaded: 1')


@test
def a_key_that_the_command_appends_is_accepted(f):
    f.write('keys.jsonl', '')
    f.start(*pipeline(f.provider(words), file='keys.jsonl'))
    done = subprocess.run([f.binary, 'key', 'new', 'a', '--file', str(f.folder / 'keys.jsonl')],
                          text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=10)
    key = done.stdout.splitlines()[0]
    eventually(lambda: works(f, key), PATIENCE, 'it is rejected')


@test
def a_broken_line_keeps_the_keys_and_is_named(f):
    file = f.write('keys.jsonl', lines(entry('a', 'first')))
    f.start(*pipeline(f.provider(words), file='keys.jsonl'), admin=ADMIN)
    file.write_text(lines(entry('b', 'second')) + '{"name": "c", "sha256": "cut')
    f.logged(level='error', message='keys not reloaded, the previous ones stay in use: '
             'keys.jsonl:2: ')
    check(works(f, 'first') and not works(f, 'second'), 'the keys have changed')
    code, told = reload(f)
    check(code == 422 and 'keys.jsonl:2: ' in told['problems'][0]['text'], code, told)
    check(works(f, 'first'), 'a reload that failed has revoked the key')
    file.write_text(lines(entry('b', 'second')))
    eventually(lambda: works(f, 'second') and not works(f, 'first'), PATIENCE,
               'the file that is right again is not used')


@test
def a_hundred_thousand_keys_are_read_and_replaced_under_load(f):
    entries = [entry(f'key-{i}', f'key {i}', owner=f'team-{i % 100}') for i in range(MANY)]
    file = f.write('keys.jsonl', lines(*entries))
    f.start(*pipeline(f.provider(words), file='keys.jsonl'))
    check(works(f, 'key 0') and works(f, f'key {MANY - 1}'), 'a key is rejected')
    check(not works(f, f'key {MANY}'), 'an unknown key is accepted')
    check(f.is_sanitized() or f.peak_mb() < 250, f'the gateway takes {f.peak_mb():.0f} MB')
    file.write_text(lines(*entries[1:]))
    eventually(lambda: not works(f, 'key 0'), PATIENCE, 'the removed key is accepted')
    check(works(f, 'key 1'), 'another key is rejected')
