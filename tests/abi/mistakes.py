#!/usr/bin/env python3
"""Mistakes of plugin authors that a build reports: what is wrong, where, and what to do.

    mistakes.py --sdk sdk --cmake cmake --compiler c++
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SCHEMA = '{"type": "object", "properties": {}}'

# A call of gatehouse_add_plugin(), the content of schema.json, and what CMake reports.
CALLS = [
    ('hello SOURCES p.cpp', SCHEMA, r'SCHEMA is missing or misspelt: expected SOURCES FILE'),
    ('hello SOURCES p.cpp SCHEMAS schema.json', SCHEMA, r'SCHEMA is missing or misspelt'),
    ('hello p.cpp SCHEMA schema.json', SCHEMA, r'expected SOURCES, .* before\s+p.cpp'),
    ('hello SOURCES p.cpp SCHEMA other.json', SCHEMA, r'other\.json does not exist: write'),
    ('my:plugin SOURCES p.cpp SCHEMA schema.json', SCHEMA, r'letters, digits, - and _ only'),
    ('hello SOURCES p.cpp SCHEMA schema.json', '{"type": "object"',
     r'schema\.json is not valid JSON:.*Line 1'),
    ('hello SOURCES p.cpp SCHEMA schema.json', '', r'schema\.json is not valid JSON'),
    ('hello SOURCES p.cpp SCHEMA schema.json', '{"type": "object", "pattern": "\\d"}',
     r'schema\.json is not valid JSON:.*escape'),
    ('hello SOURCES p.cpp SCHEMA schema.json', '{"type": "object",}',
     r'schema\.json is not valid JSON: a comma'),
    ('hello SOURCES p.cpp SCHEMA schema.json', '{"type": "object"} // mine',
     r'schema\.json is not valid JSON: comments'),
    ('hello SOURCES p.cpp SCHEMA schema.json', '["object"]', r'must be a JSON object'),
    ('hello SOURCES p.cpp SCHEMA schema.json',
     r'{"type": "object", "title": ",] // \" /*", "pattern": "^\\d+;$"}', None),
]

# A namespace of mistakes/note.cpp, and what the compiler reports about the line behind its name.
ASSERTIONS = [
    ('blank_in_name', 'the name of a plugin has letters'),
    ('quote_in_summary', 'version and summary have no quotation marks'),
    ('backslash_in_version', 'version and summary have no quotation marks'),
    ('empty_schema', 'the schema is a JSON object'),
    ('array_as_schema', 'the schema is a JSON object'),
]


def run(*arguments):
    done = subprocess.run(list(map(str, arguments)), stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    return done.returncode, done.stdout


def check_call(cmake, sdk, call, schema, expected, folder):
    """What is wrong; None: nothing."""
    (folder / 'schema.json').write_text(schema)
    (folder / 'p.cpp').touch()
    (folder / 'CMakeLists.txt').write_text(
        'cmake_minimum_required(VERSION 3.25)\nproject(p LANGUAGES CXX)\n'
        f'include({sdk}/cmake/GatehouseSDK.cmake)\ngatehouse_add_plugin({call})\n')
    status, output = run(cmake, '-S', folder, '-B', folder / 'build')
    if expected is None:
        return f'{call}, {schema}: rejected\n{output}' if status else None
    words = re.sub(r'\s+', ' ', output)
    if status and re.search(expected, words):
        return None
    return f'{call}, {schema}: no message {expected!r}\n{output}'


def check_assertions(compiler, sdk):
    source = HERE / 'mistakes/note.cpp'
    lines = source.read_text().splitlines()
    _, output = run(compiler, '-std=c++17', '-fsyntax-only', '-I', sdk / 'include', source)
    errors = re.split(r'\n(?=\S+: error: )', output)
    for word, expected in ASSERTIONS:
        line = lines.index(f'namespace {word} {{') + 2
        if not any(expected in error and f'note.cpp:{line}:' in error for error in errors):
            yield f'{word}: no message in line {line}: {expected}\n{output}'


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('--sdk', '--cmake', '--compiler'):
        parser.add_argument(name, type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    sdk = arguments.sdk.resolve()
    wrong = list(check_assertions(arguments.compiler, sdk))
    for call, schema, expected in CALLS:
        with tempfile.TemporaryDirectory(prefix='mistakes-') as folder:
            wrong.append(check_call(arguments.cmake, sdk, call, schema, expected,
                                    pathlib.Path(folder)))
    wrong = [text for text in wrong if text]
    print('\n'.join(wrong) or 'every mistake is reported')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
