"""clang-format would change no file. Exit status 77: it is not installed.

    format_test.py REPOSITORY
"""
import os
import re
import shutil
import subprocess
import sys

import tree

os.chdir(sys.argv[1])
if not shutil.which('clang-format'):
    print('clang-format is not installed')
    sys.exit(77)
files = list(tree.files('.', '.c', '.cpp', '.h', '.hpp'))
checking = ['clang-format', '--dry-run', '-Werror', *files]
checked = subprocess.run(checking, capture_output=True, text=True)
changed = sorted(set(re.findall(r'^(\S+?):\d+:\d+: error', checked.stderr, re.M)))
for file in changed:
    print(f'{file}: run clang-format -i on it')
sys.exit(checked.returncode)
