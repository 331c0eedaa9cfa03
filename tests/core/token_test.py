"""`gatehouse token new` prints a fresh token, and the line of the configuration that lets it in."""
import hashlib
import pathlib
import re
import subprocess
import sys
import tempfile


def gatehouse(*arguments):
    return subprocess.run([sys.argv[1], *arguments], text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=10)


def new_token(*name):
    done = gatehouse('token', 'new', *name)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    return lines[0], lines[-1]


token, line = new_token('laptop')
assert re.fullmatch('ghk_[0-9a-f]{64}', token), token
assert line == '  - { name: "laptop", sha256: "%s" }' % hashlib.sha256(token.encode()).hexdigest(), line
assert new_token('laptop')[0] != token

with tempfile.TemporaryDirectory() as folder:
    config = pathlib.Path(folder, 'config.yaml')
    config.write_text('\n'.join(['pipeline:', '- extension-auth:', '    tokens:', '    ' + new_token('0.5')[1], '    ' + new_token()[1]]))
    checked = gatehouse('check', str(config))
    assert checked.returncode == 0, checked.stderr

for name in ('a b', '"', 65 * 'a'):
    refused = gatehouse('token', 'new', name)
    assert refused.returncode == 1 and refused.stdout == '', name
