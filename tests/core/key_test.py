"""`gatehouse key new` prints a new key, and the entry that accepts it or appends it to a file."""
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile


def command(*arguments):
    return [sys.argv[1], *map(str, arguments)]


def gatehouse(*arguments):
    return subprocess.run(command(*arguments), text=True, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=10)


def new_key(*arguments):
    """The key, and the last line."""
    done = gatehouse('key', 'new', *arguments)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    return lines[0], lines[-1]


key, entry = new_key('team-a')
assert re.fullmatch('sk-gh-[0-9a-f]{64}', key), key
digest = hashlib.sha256(key.encode()).hexdigest()
assert entry == f'{{"name":"team-a","sha256":"{digest}"}}', entry
assert new_key('team-a')[0] != key

for arguments in (['a b'], ['"'], [65 * 'a'], [''], ['a', '--owner', 'a b'],
                  ['a', '--expires', '2027-02-30'], ['a', '--file', '/dev/null/keys.jsonl']):
    rejected = gatehouse('key', 'new', *arguments)
    assert rejected.returncode == 1 and rejected.stdout == '', (arguments, rejected)

with tempfile.TemporaryDirectory() as folder:
    file, config = pathlib.Path(folder, 'keys.jsonl'), pathlib.Path(folder, 'config.yaml')

    def check(*pipeline):
        config.write_text('\n'.join(['pipeline:', *pipeline]))
        checked = gatehouse('check', config)
        assert checked.returncode == 0, checked.stderr

    # Pasted into the configuration.
    check('- keys:', '    keys:', f'    - {entry}', f'    - {new_key("0.5")[1]}')

    # In a file, which nobody else can read; a last line without its end is no harm.
    key, last = new_key('a', '--owner', 'ada@example.com', '--expires', '2027-01-31',
                        '--model', 'gpt-*', '--model', 'claude-*', '--tool', 'web_*',
                        '--file', file)
    assert file.stat().st_mode & 0o777 == 0o600, oct(file.stat().st_mode)
    assert key not in file.read_text() and 'sha256' not in last, last
    assert json.loads(file.read_text()) == {
        'name': 'a', 'sha256': hashlib.sha256(key.encode()).hexdigest(),
        'owner': 'ada@example.com', 'expires': '2027-01-31', 'models': ['gpt-*', 'claude-*'],
        'tools': ['web_*']}, file.read_text()
    file.write_text('# ours\n' + file.read_text().rstrip())

    # Several at once lose none.
    at_once = [subprocess.Popen(command('key', 'new', f'b{i}', '--file', file),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
               for i in range(20)]
    keys = {process.communicate(timeout=10)[0].splitlines()[0] for process in at_once}
    digests = {json.loads(line)['sha256'] for line in file.read_text().splitlines()[1:]}
    assert {hashlib.sha256(k.encode()).hexdigest() for k in {key, *keys}} == digests, digests
    check('- keys: { file: keys.jsonl }')
