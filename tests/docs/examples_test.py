"""Each configuration that docs/ shows passes `gatehouse check`.

    examples_test.py GATEHOUSE REPOSITORY
"""
import pathlib
import re
import subprocess
import sys
import tempfile

gatehouse, root = sys.argv[1], pathlib.Path(sys.argv[2])
failed = 0
with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder, 'gatehouse.yaml')
    for document in sorted((root / 'docs').glob('*.md')):
        blocks = re.findall(r'^```yaml\n(.*?)^```$', document.read_text(), re.M | re.S)
        for text in (block for block in blocks if re.search('^pipeline:', block, re.M)):
            file.write_text(text)
            checked = subprocess.run([gatehouse, 'check', file], env={}, capture_output=True,
                                     text=True, timeout=30)
            if checked.returncode:
                failed += 1
                print(f'{document.name}:\n{checked.stderr}')
sys.exit(bool(failed))
