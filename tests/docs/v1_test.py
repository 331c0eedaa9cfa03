"""The configurations that are shipped pass `gatehouse check`, as they are and with the lines in use
that are marked #v1.

    v1_test.py GATEHOUSE REPOSITORY
"""
import pathlib
import subprocess
import sys
import tempfile

gatehouse, root = sys.argv[1], pathlib.Path(sys.argv[2])
MARK = '#v1 - '
wrong = []


def run(*arguments):
    done = subprocess.run([gatehouse, *map(str, arguments)], capture_output=True, text=True,
                          timeout=30)
    return done.stderr if done.returncode else ''


for name in ('etc/gatehouse.yaml', 'packaging/gatehouse.yaml'):
    text = (root / name).read_text()
    if text.count(MARK) != 4:
        wrong.append(f'{name} has {text.count(MARK)} lines marked {MARK}')
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / 'conf.d').mkdir()
        (folder / 'workflows.yaml').write_text((root / 'etc/workflows.yaml').read_text())
        (folder / 'gemini-key').write_text('key')
        (folder / 'gemini-key').chmod(0o600)
        wrong.append(run('key', 'new', 'team-a', '--file', folder / 'keys.jsonl'))
        for config in (text, text.replace(MARK, '- ')):
            (folder / 'gatehouse.yaml').write_text(config)
            if problems := run('check', folder / 'gatehouse.yaml'):
                wrong.append(f'{name}: {problems}')
wrong = list(filter(None, wrong))
print('\n'.join(wrong) or 'the shipped configurations pass')
sys.exit(bool(wrong))
