#!/usr/bin/env python3
"""Copies the headers of the SDK as a next minor version might have them: every struct that begins
with its size has one member more at its end.

    next_headers.py INCLUDE_FOLDER OUTPUT_FOLDER
"""
import pathlib
import re
import sys

STRUCT = re.compile(r'(struct gh_\w+ \{\n(?:(?!\n\}).)*?uint32_t size;.*?)(\n\})', re.S)
MINOR = re.compile(r'(#define GH_ABI_MINOR )(\d+)')
EXPECTED = {'gh_plugin', 'gh_failure', 'gh_caller', 'gh_sink', 'gh_next', 'gh_exchange_api',
            'gh_host', 'gh_http_request', 'gh_sse_event', 'gh_store_api'}

include, output = map(pathlib.Path, sys.argv[1:])
grown = set()
for header in sorted(include.rglob('*.h*')):
    text = header.read_text()
    if '/abi/' in header.as_posix():
        grown |= {re.match(r'struct (\w+)', match[1])[1] for match in STRUCT.finditer(text)}
        text = STRUCT.sub(r'\1\n  void (*later)(void);\2', text)
        text = MINOR.sub(lambda match: match[1] + str(int(match[2]) + 1), text)
    copy = output / header.relative_to(include)
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(text)
if not EXPECTED <= grown:
    sys.exit(f'next_headers.py did not find {", ".join(sorted(EXPECTED - grown))}')
