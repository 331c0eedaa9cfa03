"""`gatehouse token new` prints a new token, and the configuration entry that accepts it."""
import hashlib
import pathlib
import re
import subprocess
import sys
import tempfile


def gatehouse(*arguments):
    return subprocess.run([sys.argv[1], *arguments], text=True, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=10)


def new_token(*name):
    done = gatehouse('token', 'new', *name)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    return lines[0], lines[-1]


token, entry = new_token('laptop')
digest = hashlib.sha256(token.encode()).hexdigest()
assert re.fullmatch('ghk_[0-9a-f]{64}', token), token
assert entry == f'  - {{ name: "laptop", sha256: "{digest}" }}', entry
assert new_token('laptop')[0] != token

with tempfile.TemporaryDirectory() as folder:
    entries = [new_token('0.5')[1], new_token()[1]]
    config = pathlib.Path(folder, 'config.yaml')
    config.write_text('\n'.join(['pipeline:', '- extension-auth:', '    tokens:',
                                 *(f'    {entry}' for entry in entries)]))
    checked = gatehouse('check', str(config))
    assert checked.returncode == 0, checked.stderr

for name in ('a b', '"', 65 * 'a'):
    rejected = gatehouse('token', 'new', name)
    assert rejected.returncode == 1 and rejected.stdout == '', name
