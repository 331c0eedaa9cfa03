"""clang-format would change no file. Exit status 77: it is not installed.

    format_test.py REPOSITORY
"""
import os
import re
import shutil
import subprocess
import sys

os.chdir(sys.argv[1])
if not shutil.which('clang-format'):
    print('clang-format is not installed')
    sys.exit(77)
listing = ['git', 'ls-files', '-co', '--exclude-standard', '*.c', '*.cpp', '*.h', '*.hpp']
listed = subprocess.run(listing, capture_output=True, text=True, check=True)
files = [file for file in listed.stdout.splitlines() if os.path.exists(file)]
checking = ['clang-format', '--dry-run', '-Werror', *files]
checked = subprocess.run(checking, capture_output=True, text=True)
changed = sorted(set(re.findall(r'^(\S+?):\d+:\d+: error', checked.stderr, re.M)))
for file in changed:
    print(f'{file}: run clang-format -i on it')
sys.exit(checked.returncode)
