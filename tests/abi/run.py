#!/usr/bin/env python3
"""What the gateway does with plugins that do not fit, and with plugins that are built in unusual
ways: the real program, with files built by CMake.

    run.py --gatehouse build/bin/gatehouse --fixtures build/lib/abi-fixtures [NAME...]
"""
import argparse
import contextlib
import hashlib
import http.client
import http.server
import json
import lzma
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'exchanges'))
from gateway import Gateway, command  # noqa: E402

SECONDS = 2  # any check is over by then


class Wrong(Exception):
    pass


class Skip(Exception):
    pass


def expect(condition, what, output=''):
    if not condition:
        raise Wrong(f'{what}\n{output}'.rstrip())


class Abi:
    def __init__(self, gatehouse, fixtures, folder):
        self.gatehouse, self.fixtures, self.folder = gatehouse, fixtures, folder

    # ---- Running the program

    def fixture(self, name):
        return self.fixtures / f'{name}.so'

    def config(self, *entries):
        """Each entry: plugin, its file (None: one of the gateway's own), its configuration, and
        the name of the instance if it is another."""
        pipeline = [{plugin: config, **({'path': str(file)} if file else {}),
                     **({'as': name[0]} if name else {})}
                    for plugin, file, config, *name in entries]
        path = self.folder / 'gatehouse.yaml'
        config = {'server': {'listen': '127.0.0.1:0'}, 'pipeline': pipeline}
        path.write_text(json.dumps(config, indent=2))  # JSON is YAML
        return path

    def run(self, *arguments, seconds=SECONDS):
        """Exit status and all that was printed."""
        try:
            done = subprocess.run(list(map(str, arguments)), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds,
                                  text=True, errors='replace', cwd=self.folder)
        except subprocess.TimeoutExpired:
            raise Wrong(f'still running after {seconds} s') from None
        expect(done.returncode >= 0, f'died of signal {-done.returncode}', done.stdout)
        return done.returncode, done.stdout

    def check(self, *entries):
        return self.run(*command(self.gatehouse, self.config(*entries), check=True))

    def inspect(self, file, **options):
        return self.run(self.gatehouse, 'plugin', 'inspect', file, **options)

    def rejected(self, reason, plugin, file):
        """Both check and inspect name the file and what is wrong with it, in one line."""
        for status, output in (self.check((plugin, file, {})), self.inspect(file)):
            expect(status != 0, 'accepted', output)
            naming = [line for line in output.splitlines() if file.name in line]
            expect(len(naming) == 1, f'{len(naming)} lines name {file.name}', output)
            expect(re.search(reason, naming[0]), f'the message does not match {reason!r}', output)

    def accepted(self, plugin, file, config=None):
        status, output = self.check((plugin, file, config or {}))
        expect(status == 0, 'rejected', output)

    # ---- Rejected by what the file says, before anything of it runs: each of these aborts when it
    # ---- is loaded

    def test_a_library_without_a_note(self):
        self.rejected(r'no section \.gatehouse', 'no_note', self.fixture('no_note'))

    def test_a_malformed_note(self):
        self.rejected(r'malformed note', 'malformed_note', self.fixture('malformed_note'))

    def test_another_major_version(self):
        self.rejected(r'version 2\b.*version 1\b', 'wrong_major', self.fixture('wrong_major'))

    def test_a_need_for_a_later_minor_version(self):
        self.rejected(r'1\.99\b.*1\.0\b.*GATEHOUSE_NEEDS', 'needs_newer',
                     self.fixture('needs_newer'))

    def test_another_name_than_the_configuration_has(self):
        status, output = self.check(('other', self.fixture('aborts_on_load'), {}))
        expect(status != 0 and re.search(r'`aborts_on_load`.*`other`', output),
               'accepted, or another complaint', output)

    def test_a_configuration_that_the_schema_rejects(self):
        status, output = self.check(
            ('aborts_on_load', self.fixture('aborts_on_load'), {'nonsense': 1}))
        expect(status != 0 and 'nonsense' in output, 'accepted, or another complaint', output)

    def test_a_list_of_plugins_runs_none_of_them(self):
        status, output = self.run(self.gatehouse, 'plugin', 'list', self.fixtures)
        expect(status == 0 and re.search(r'^aborts_on_load 1\.0\.0', output, re.M), 'not listed',
               output)
        expect(re.search(r'no_note\.so .*no section', output),
               'a file that is not a plugin is not reported', output)

    # ---- Rejected when loaded or created

    def test_a_plugin_that_aborts_when_it_is_loaded(self):
        status, output = self.inspect(self.fixture('aborts_on_load'))
        expect(status == 1, f'exit status {status}', output)
        expect(re.search(r'aborts_on_load\.so: .*died of signal 6', output), 'no message', output)

    def test_a_plugin_that_does_not_return_when_it_is_loaded(self):
        status, output = self.inspect(self.fixture('hangs_on_load'), seconds=20)
        expect(status == 1, f'exit status {status}', output)
        expect(re.search(r'hangs_on_load\.so: .*did not return', output), 'no message', output)

    def test_a_wrong_magic_number(self):
        self.rejected(r'gatehouse_plugin_v1', 'bad_magic', self.fixture('bad_magic'))

    def test_an_entry_that_is_too_short(self):
        self.rejected(r'gatehouse_plugin_v1', 'cut_entry', self.fixture('cut_entry'))

    def test_an_entry_without_handle(self):
        self.rejected(r'handle', 'no_handle', self.fixture('no_handle'))

    def test_a_library_without_the_entry(self):
        self.rejected(r'gatehouse_plugin_v1', 'no_entry', self.fixture('no_entry'))

    def test_an_undefined_symbol(self):
        self.rejected(r'undefined symbol: of_another_library', 'undefined_symbol',
                     self.fixture('undefined_symbol'))

    def test_an_exception_in_the_constructor(self):
        status, output = self.check(('throws_in_create', self.fixture('throws_in_create'), {}))
        expect(status != 0 and re.search(r'throws_in_create.*no luck today', output),
               'no such message', output)

    def test_an_exception_thrown_across_create(self):
        status, output = self.check(('throws_raw', self.fixture('throws_raw'), {'in_create': True}))
        expect(status != 0 and 'throws_raw' in output, 'no such message', output)

    def test_a_failure_without_a_word(self):
        status, output = self.check(('silent_failure', self.fixture('silent_failure'), {}))
        expect(status != 0 and 'silent_failure' in output, 'no such message', output)

    def test_all_problems_of_all_plugins_are_reported_with_their_places(self):
        config = {'first': 1, 'list': [1, 2]}
        status, output = self.check(('two_problems', self.fixture('two_problems'), config),
                                    ('throws_in_create', self.fixture('throws_in_create'), {}))
        expect(status != 0, 'accepted', output)
        written = self.config(('two_problems', self.fixture('two_problems'), config))
        lines = written.read_text().splitlines()
        for place, message in (('"first"', 'the first thing is wrong'),
                               ('"list"', 'the second thing is wrong')):
            line = next(i for i, text in enumerate(lines, 1) if place in text)
            line += 2 if place == '"list"' else 0  # its second element
            expect(re.search(rf'gatehouse\.yaml:{line}:\d+: .*{message}', output),
                   f'not in line {line}: {message}', output)
        expect('no luck today' in output, 'the third problem is missing', output)

    # ---- Files that are not plugins

    def test_a_file_that_is_not_there(self):
        self.rejected(r'No such file', 'nothing', self.folder / 'nothing.so')

    def test_a_world_writable_file(self):
        file = self.copy('stamp', 'open.so')
        file.chmod(0o666)
        self.rejected(r'world-writable', 'stamp', file)

    def test_files_that_are_not_shared_objects(self):
        for name, content in (('empty', b''), ('text', b'{"name": "text"}' * 99),
                              ('zeros', bytes(4096)), ('magic', b'\x7fELF')):
            file = self.folder / f'{name}.so'
            file.write_bytes(content)
            self.rejected('.', name, file)
        (self.folder / 'folder.so').mkdir()
        self.rejected('.', 'folder', self.folder / 'folder.so')

    def test_a_file_for_another_processor(self):
        data = bytearray(self.fixture('stamp').read_bytes())
        struct.pack_into('<H', data, 18, 0xF3)  # e_machine: RISC-V
        self.rejected(r'processor', 'stamp', self.write('riscv.so', data))

    def test_files_that_are_cut_or_damaged(self):
        """The note is found through the file's own tables, which may say anything."""
        whole = self.fixture('stamp').read_bytes()
        section_table, = struct.unpack_from('<Q', whole, 40)  # e_shoff
        count, = struct.unpack_from('<H', whole, 60)          # e_shnum
        damaged = [whole[:size] for size in (16, 63, 64, section_table, section_table + 63)]
        for offset, size in ((40, 2), (40, 8), (62, 2)):      # e_shoff, e_shstrndx
            damaged.append(whole[:offset] + b'\xff' * size + whole[offset + size:])
        for field in (24, 32):                                # sh_offset, sh_size, of every section
            data = bytearray(whole)
            for i in range(count):
                struct.pack_into('<Q', data, section_table + 64 * i + field, 2**63 + 7)
            damaged.append(bytes(data))
        for i, data in enumerate(damaged):
            file = self.write(f'damaged{i}.so', data)
            status, output = self.inspect(file)
            expect(status != 0 and file.name in output, f'{i}: accepted, or no message', output)

    # ---- What fits

    def test_a_plugin_in_c(self):
        self.accepted('stamp', self.fixture('stamp'), {'value': 'x'})

    def stamps(self, file):
        """The C example, built in some way, does its work."""
        with self.gateway(('stamp', file, {'value': 'seen'})) as get:
            status, headers, _ = get('/nowhere')
            expect(status == 404 and headers.get('X-Stamp') == 'seen', f'{status} {headers}')

    def greets(self, file):
        """The C++ example, likewise."""
        with self.gateway(('hello', file, {'greeting': 'Hi'})) as get:
            expect(get('/hello?Ada')[::2] == (200, 'Hi, Ada!\n'), 'no greeting')
            expect(get('/hello')[0] == 400, 'a Fail did not come through')

    def test_a_plugin_in_c_serves(self):
        self.stamps(self.fixture('stamp'))

    def test_plugins_in_strict_c99(self):
        self.stamps(self.fixture('stamp_c99'))

    def test_plugins_whose_unused_sections_are_dropped(self):
        self.stamps(self.fixture('stamp_sections'))
        self.greets(self.fixture('hello_sections'))

    def test_plugins_with_link_time_optimization(self):
        self.stamps(self.fixture('stamp_lto'))
        self.greets(self.fixture('hello_lto'))

    def test_plugins_built_with_clang(self):
        self.need('hello_clang', 'clang')
        self.stamps(self.fixture('stamp_clang'))
        self.stamps(self.fixture('stamp_clang_sections'))
        self.greets(self.fixture('hello_clang'))

    def test_a_plugin_with_another_standard_library(self):
        self.need('hello_libcxx', 'clang++ with libc++')
        self.greets(self.fixture('hello_libcxx'))

    def test_plugins_in_rust_by_the_oldest_compiler(self):
        self.need('guard_debian', 'rustc of Debian')
        self.serves_in_rust('debian')

    def test_plugins_in_rust_by_the_newest_compiler(self):
        if not self.fixture('guard_newest').exists():
            raise Skip('no other rustc is installed')
        self.serves_in_rust('newest')

    def serves_in_rust(self, compiler):
        self.guards(self.fixture(f'guard_{compiler}'))
        self.guards(self.fixture(f'guard_{compiler}_lto'))
        self.relays(self.fixture(f'relay_{compiler}'))
        self.panics(self.fixture(f'panics_{compiler}'))

    # ---- Binaries that were built once: kept/README.md

    def kept(self, name):
        return self.write(f'{name}.so', lzma.decompress((HERE / f'kept/{name}.so.xz').read_bytes()))

    def test_plugins_in_c_and_cpp_that_were_built_once(self):
        self.stamps(self.kept('stamp'))
        self.greets(self.kept('hello'))

    def test_a_provider_in_rust_that_was_built_once(self):
        self.relays(self.kept('relay'))

    def test_a_sink_that_was_built_once(self):
        """It rewrites the events of a provider that was built by another compiler."""
        self.relays(self.kept('relay'), self.kept('mask'))

    def test_every_kept_binary_is_the_one_that_its_readme_lists(self):
        listed = dict(re.findall(r'`(\w+\.so\.xz)`.* `(\w{64})` \|',
                                 (HERE / 'kept/README.md').read_text()))
        found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest()
                 for file in (HERE / 'kept').glob('*.xz')}
        expect(found == listed, 'kept/README.md lists other files')

    def guards(self, file):
        """The policy in Rust does its work."""
        with self.gateway(('guard', file, {'teams': ['blue']}), ('stamp', self.fixture('stamp'),
                                                                 {'value': 'seen'})) as get:
            status, headers, _ = get('/', {'X-Team': 'blue'})
            expect((status, headers['X-Served-Team'], headers['X-Stamp']) == (404, 'blue', 'seen'),
                   f'{status} {headers}')
            status, headers, body = get('/', {'X-Team': 'red'})
            expect(status == 403 and 'X-Team' in json.loads(body)['message'], f'{status} {body}')

    def panics(self, file):
        """A panic in Rust is one failed request, and the log has its place."""
        with self.gateway(('panics', file, {}),
                          ('hello', self.fixture('hello_sections'), {})) as get:
            for path, text in (('/', 'on the way down'), ('/hello?Ada', 'on the way up')):
                status, _, body = get(path)
                expect(status == 500 and 'way' not in body, f'{path}: {status} {body}')
                get.logged(rf'panicked at .*examples/panics\.rs:\d+:\d+: {text}')

    def relays(self, file, mask=None):
        """The provider in Rust responds with what a server sends, behind a plugin that masks e-mail
        addresses or not."""
        events = ({'text': 'Ask a@b.'}, {'text': 'example.'}, {'finish': 'stop'})
        stream = ''.join(f'data: {json.dumps(event)}\n\n' for event in events)
        chat = {'messages': [{'role': 'user', 'parts': [{'type': 'text', 'text': 'Hi'}]}]}
        plugins = [('chat', None, {'models': ['m'], 'default_model': 'm'})]
        with server(stream) as (url, requests):
            plugins += [('mask', mask, {})] if mask else []
            with self.gateway(*plugins, ('relay', file, {'base_url': url})) as get:
                status, _, body = get('/api/chat', {'Content-Type': 'application/json'},
                                      json.dumps(chat))
        text = ''.join(json.loads(part) for part in re.findall(r'"delta":("[^"]*")', body))
        wanted = 'Ask [e-mail].' if mask else 'Ask a@b.example.'
        expect((status, text) == (200, wanted), f'{status} {body}')
        expect(json.loads(requests[0])['model'] == 'm', f'the server received {requests}')

    def need(self, fixture, compiler):
        """Where GATEHOUSE_REQUIRE_ALL is set, as packaging/test does, nothing may be missing."""
        if self.fixture(fixture).exists():
            return
        if os.environ.get('GATEHOUSE_REQUIRE_ALL'):
            raise Wrong(f'{compiler} is not installed: install the packages of '
                        'packaging/dependencies.sh, and configure again')
        raise Skip(f'{compiler} is not installed')

    def test_an_exception_thrown_across_handle_is_one_failed_request(self):
        with self.gateway(('throws_raw', self.fixture('throws_raw'), {})) as get:
            for _ in range(3):
                status, _, body = get('/')
                expect(status == 500 and json.loads(body)['statusCode'] == 500, f'{status} {body}')

    # ---- Growth: structs of another minor version

    def test_a_plugin_built_with_later_headers_works_with_the_oldest_host(self):
        self.greets(self.fixture('hello_next'))

    def test_structs_of_a_plugin_that_are_longer_than_those_of_the_host(self):
        with self.gateway(('later_minor', self.fixture('later_minor'), {}),
                          ('stamp', self.fixture('stamp'), {'value': 'seen'})) as get:
            status, headers, _ = get('/fail')
            expect((status, headers.get('Retry-After')) == (429, '7'), f'{status} {headers}')
            status, headers, _ = get('/nowhere')
            expect((status, headers.get('X-Stamp')) == (404, 'seen'), f'{status} {headers}')

    def test_structs_of_a_plugin_that_are_shorter_than_those_of_the_host(self):
        """The host reads no member beyond their end: no time to retry, no refused()."""
        with self.gateway(('smaller', self.fixture('smaller'), {})) as get:
            status, headers, _ = get('/')
            expect((status, headers.get('Retry-After')) == (429, None), f'{status} {headers}')
            status, _, _ = get('/ with a blank')
            expect(status == 400, f'{status}: the server did not reject the request itself')

    def test_an_event_of_a_later_version_passes_a_plugin_that_rewrites_it(self):
        event = self.fixture('later_event')
        with self.gateway(('later_event', event, {}, 'ingress'),
                          ('rewrites', self.fixture('rewrites'), {}),
                          ('later_event', event, {}, 'provider')) as get:
            expect(get('/')[::2] == (200, 'rewritten'), str(get('/')))

    # ---- The header

    def test_every_member_of_the_header_is_frozen(self):
        folder = HERE.parents[1] / 'sdk/include/gatehouse'
        header = ''.join(file.read_text() for file in folder.rglob('*.h'))
        frozen = set(re.findall(r'FROZEN\((\w+), (\w+), \d+\)', (HERE / 'frozen.c').read_text()))
        code = re.sub(r'/\*.*?\*/|//[^\n]*', '', header, flags=re.S)
        for struct_name, body in re.findall(r'struct (gh_\w+) \{(.*?)\}', code, re.S):
            for declaration in filter(str.strip, body.split(';')):
                function = re.search(r'\(\*(\w+)\)\(', declaration)
                parts = [function[1]] if function else declaration.split(',')
                for member in (re.search(r'(\w+)(\[\d+\])?$', part.strip())[1] for part in parts):
                    expect((struct_name, member) in frozen,
                           f'frozen.c does not have {struct_name}.{member}')

    # ----

    def write(self, name, data):
        file = self.folder / name
        file.write_bytes(data)
        return file

    def copy(self, fixture, name):
        return pathlib.Path(shutil.copy(self.fixture(fixture), self.folder / name))

    @contextlib.contextmanager
    def gateway(self, *entries):
        """A running gateway; gives a function that sends it a request: path, headers and, for a
        POST, body -> status, headers, body. get.logged(PATTERN) waits for a line of the log."""
        gateway = Gateway(str(self.gatehouse), str(self.config(*entries)), str(self.folder),
                          dict(os.environ))

        def get(path, headers={}, body=None):
            connection = http.client.HTTPConnection(gateway.address, timeout=5)
            connection._validate_path = lambda url: None  # malformed paths too
            with contextlib.closing(connection):
                connection.request('POST' if body else 'GET', path, body, headers)
                response = connection.getresponse()
                return response.status, response.headers, response.read().decode()

        def logged(pattern):
            found = gateway.wait_for(
                lambda: any(re.search(pattern, line) for line in gateway.lines), SECONDS)
            expect(found, f'no line of the log matches {pattern}', '\n'.join(gateway.lines))
        get.logged = logged
        try:
            yield get
        finally:
            gateway.signal('TERM')
            status = gateway.exit_status()
        expect(status == 0, f'the gateway ended with {status}', '\n'.join(gateway.lines[-20:]))


@contextlib.contextmanager
def server(stream):
    """A server that responds to each request with these server-sent events; gives its URL and the
    bodies that it has received."""
    requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            requests.append(self.rfile.read(int(self.headers['Content-Length'])))
            self.send_response(200)
            self.send_header('Content-Type', 'text/event-stream')
            self.end_headers()
            self.wfile.write(stream.encode())

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        try:
            yield f'http://127.0.0.1:{listener.server_port}', requests
        finally:
            listener.shutdown()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--gatehouse', type=pathlib.Path, required=True)
    parser.add_argument('--fixtures', type=pathlib.Path, required=True)
    parser.add_argument('only', nargs='*', metavar='NAME',
                        help='only tests whose name contains one of these')
    arguments = parser.parse_args()

    passed = failed = 0
    for test in [name for name in vars(Abi) if name.startswith('test_')]:
        if arguments.only and not any(name in test for name in arguments.only):
            continue
        name = test.removeprefix('test_').replace('_', ' ')
        with tempfile.TemporaryDirectory(prefix='abi-') as folder:
            try:
                abi = Abi(arguments.gatehouse.resolve(), arguments.fixtures.resolve(),
                          pathlib.Path(folder))
                getattr(abi, test)()
            except Skip as why:
                print(f'skipped {name}: {why}')
            except (Wrong, RuntimeError, OSError) as wrong:
                failed += 1
                print(f'FAILED  {name}: {wrong}')
            else:
                passed += 1
                print(f'ok      {name}')
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
