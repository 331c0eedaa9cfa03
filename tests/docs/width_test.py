"""No line of C or C++ is longer than 100 columns: what clang-format cannot break, such as raw
strings, is broken by hand.

    width_test.py REPOSITORY
"""
import os
import sys

import tree

COLUMNS = 100
os.chdir(sys.argv[1])
files = list(tree.files('.', '.c', '.cpp', '.h', '.hpp'))
long = 0
for file in files:
    with open(file, encoding='utf-8') as text:
        for number, line in enumerate(text, 1):
            if len(line.rstrip('\n')) > COLUMNS:
                long += 1
                print(f'{file}:{number}: {len(line) - 1} columns')
sys.exit(bool(long))
