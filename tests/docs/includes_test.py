"""Includes point one way, as docs/architecture.md says ("Which folder may include which").

    includes_test.py REPOSITORY
"""
import pathlib
import re
import sys

# Each folder of core/ may include itself and those of the lines before its own.
FLOORS = [
    ['text'],
    ['json', 'metrics'],
    ['net'],
    ['http'],
    ['config'],
    ['log'],
    ['loader', 'store'],
    ['exchange'],
    ['host'],
    ['pipeline'],
    ['report', 'server'],
    ['testing'],
    ['commands'],
]
OPENS_SOCKETS = {'net', 'http', 'server', 'store'}
SOCKETS = re.compile(r'sys/socket\.h|Poco/Net/\w*Socket\.h')
FACADE = re.compile(r'gatehouse/(?!text\.hpp)[\w/]+\.hpp')
OF_THE_CORE = re.compile(r'(Poco|boost|nlohmann|openssl|spdlog|yaml-cpp|simdjson)\b')
C_HEADERS = {'assert.h', 'stddef.h', 'stdint.h', 'stdlib.h', 'string.h'}
HARNESS_HEADERS = {'poll.h', 'pthread.h', 'unistd.h'}  # POSIX, for waits and threads

root = pathlib.Path(sys.argv[1]).resolve()
floor_of = {folder: i for i, floor in enumerate(FLOORS) for folder in floor}
plugins = {folder.name for folder in (root / 'plugins').iterdir() if folder.is_dir()}
wrong = []


def sources(folder):
    for file in sorted((root / folder).rglob('*')):
        if file.suffix in {'.h', '.hpp', '.c', '.cpp'}:
            yield file, file.relative_to(root).as_posix()


def includes(file):
    """(line number, name, whether it stands in quotation marks)"""
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if match := re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line):
            yield number, match[2], match[1] == '"'


def complain(name, number, what):
    wrong.append(f'{name}:{number}: {what}')


def check_core(file, name):
    folder = name.split('/')[1] if name.count('/') > 1 else None  # None: main.cpp, version.h
    is_test = file.stem.endswith('_test')
    for number, included, _ in includes(file):
        parts = included.split('/')
        if parts[0] in ('plugins', 'sdk'):
            complain(name, number, f'the core includes {included}')
        if folder and not is_test and SOCKETS.search(included) and folder not in OPENS_SOCKETS:
            complain(name, number, f'core/{folder} opens sockets')
        may_use_facade = is_test or folder == 'testing'
        if FACADE.fullmatch(included) and not may_use_facade:
            complain(name, number, 'the core includes the facade of plugin authors')
        if parts[0] != 'core' or len(parts) < 3 or folder is None or is_test:
            continue
        if parts[1] not in floor_of or folder not in floor_of:
            unknown = parts[1] if folder in floor_of else folder
            complain(name, number, f'core/{unknown} has no floor in FLOORS')
        elif parts[1] != folder and floor_of[parts[1]] >= floor_of[folder]:
            complain(name, number, f'core/{parts[1]} is not below core/{folder}')


def check_plugin(file, name):
    own = name.split('/')[1]
    for number, included, in_quotes in includes(file):
        if included.startswith(('core/', 'sdk/')):
            complain(name, number, f'a plugin includes {included}')
        if in_quotes and not included.startswith('gatehouse/') and '/' in included:
            complain(name, number, f'a plugin includes {included}, which is not in its folder')
        if not in_quotes and OF_THE_CORE.match(included):
            complain(name, number, f'a plugin includes {included}, a library of the core')
        if included.split('/')[0] in plugins - {own}:
            complain(name, number, f'a plugin includes another one: {included}')


def check_sdk(file, name):
    for number, included, in_quotes in includes(file):
        is_own = included.startswith('gatehouse/') or (in_quotes and '/' not in included)
        is_standard = not in_quotes and (re.fullmatch('[a-z_]+', included)
                                         or included in C_HEADERS | HARNESS_HEADERS)
        is_test = file.stem.endswith('_test') and included == 'gtest/gtest.h'
        if not (is_own or is_standard or is_test):
            complain(name, number, f'sdk/ includes {included}')


for file, name in sources('core'):
    check_core(file, name)
for file, name in sources('plugins'):
    check_plugin(file, name)
for file, name in sources('sdk'):
    check_sdk(file, name)
print('\n'.join(wrong) or 'every include points down')
sys.exit(bool(wrong))
