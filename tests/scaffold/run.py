#!/usr/bin/env python3
"""What an author of plugins does with an installed gateway: `gatehouse plugin new`, build, test,
`plugin check`, `plugin run`. Each language and kind, and the wall time from nothing to green tests.

    run.py --build build [--only NAME]
"""
import argparse
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

TUTORIAL = pathlib.Path(__file__).resolve().parents[2] / 'docs/tutorial.md'
SECONDS = 240    # a build on a busy machine
TARGET = 60      # from nothing to green tests, on an idle one
LANGUAGES = ('cpp', 'c', 'rust')
KINDS = ('policy', 'provider', 'ingress', 'tools')

CHAT = ('POST', '/api/chat', json.dumps({'messages': [
    {'id': '1', 'role': 'user', 'parts': [{'type': 'text', 'text': 'Hello!'}]}]}))
# What reaches a plugin of each kind, and what its response contains.
REQUESTS = {
    'policy': (CHAT, 'You said: Hello!'),
    'provider': (CHAT, 'Hello!'),
    'ingress': (('POST', '/my-plugin', 'Hello!'), 'You said: Hello!'),
    'tools': (CHAT, 'You said: Hello!'),
}


class Wrong(Exception):
    pass


def expect(condition, what, output=''):
    if not condition:
        raise Wrong(f'{what}\n{output}'.rstrip())


def run(*arguments, cwd, status=0):
    done = subprocess.run(list(map(str, arguments)), stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS,
                          cwd=cwd)
    expect(done.returncode == status, f'{" ".join(map(str, arguments))}: {done.returncode}',
           done.stdout[-4000:])
    return done.stdout


class Running:
    """`gatehouse plugin run`, with its output as it comes."""

    def __init__(self, gatehouse, cwd, *arguments):
        self.lines, self.seen = queue.Queue(), []
        self.process = subprocess.Popen(
            [gatehouse, 'plugin', 'run', *arguments, '--listen', '127.0.0.1:0'], cwd=cwd, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self.read, daemon=True).start()
        self.curl = self.wait_for(r'^  curl -N .*')
        self.address = re.search(r'//([\d.:]+)', self.curl)[1]

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def wait_for(self, pattern, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(queue.Empty):
                line = self.lines.get(timeout=0.2)
                self.seen.append(line or '(the end)\n')
                if line is None:
                    break
                if re.search(pattern, line):
                    return line
        raise Wrong(f'no line {pattern!r}\n{"".join(self.seen)}')

    def request(self, method, path, body):
        connection = http.client.HTTPConnection(self.address, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path, body, {'Content-Type': 'application/json'})
            response = connection.getresponse()
            return response.status, response.read().decode()

    def end(self):
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Wrong('still running after SIGINT\n' + ''.join(self.seen)) from None


def text_of(body):
    """Of the text deltas of a stream, or the body itself."""
    deltas = re.findall(r'"type":"text-delta".*?"delta":("(?:[^"\\]|\\.)*")', body)
    return ''.join(json.loads(delta) for delta in deltas) if deltas else body


class Reader:
    """Does what docs/tutorial.md says: writes its files and runs its commands, in its order."""
    STEP = re.compile(r'^<!-- file: (\S+) -->\n```\w*\n(.*?)^```$|^```console\n(.*?)^```$',
                      re.M | re.S)

    def __init__(self, prefix, folder):
        self.prefix, self.folder, self.running = prefix, folder, None
        self.environment = dict(os.environ, CMAKE_PREFIX_PATH=str(prefix),
                                PATH=f'{prefix}/bin:{os.environ["PATH"]}')

    def follow(self, text):
        for file, content, session in self.STEP.findall(text):
            if file:
                (self.folder / file).write_text(content)
            for command, shown in re.findall(r'^\$ (.*)\n((?:(?!\$ ).*\n)*)', session, re.M):
                out = self.do(command.removeprefix('sudo '))
                for line in shown.splitlines():
                    expect(line in out, f'{command}: {line!r} is not in the output', out)

    def do(self, command):
        if command.startswith('cd '):
            self.folder /= command[3:]
            return ''
        if command.startswith('gatehouse plugin run '):
            self.running = Running(self.prefix / 'bin/gatehouse', self.folder,
                                   *command.split()[3:])
            return ''
        if self.running:
            command = command.replace('127.0.0.1:3000', self.running.address)
        done = subprocess.run(['bash', '-c', command], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS,
                              cwd=self.folder, env=self.environment)
        expect(done.returncode == 0, f'{command}: exit status {done.returncode}', done.stdout)
        return done.stdout

    def end(self):
        if self.running:
            self.running.end()


class Author:
    def __init__(self, prefix, folder):
        self.gatehouse, self.prefix, self.folder = prefix / 'bin/gatehouse', prefix, folder

    def new(self, *options, name='my-plugin', status=0):
        return run(self.gatehouse, 'plugin', 'new', name, *options, cwd=self.folder, status=status)

    def build(self, language):
        """Builds and tests the project; returns the plugin's file."""
        project = self.folder / 'my-plugin'
        if language == 'rust':
            out = run('cargo', 'test', '--offline', cwd=project)
            expect(re.search(r'^test result: ok\. [1-9]', out, re.M), 'no test passes', out)
            run('cargo', 'build', '--offline', '--release', cwd=project)
            return project / 'target/release/libmy_plugin.so'
        run('cmake', '-S', project, '-B', project / 'build',
            f'-DCMAKE_PREFIX_PATH={self.prefix}', cwd=self.folder)
        run('cmake', '--build', project / 'build', cwd=self.folder)
        out = run('ctest', '--test-dir', project / 'build', '--output-on-failure', cwd=self.folder)
        expect('100% tests passed' in out, 'the tests do not pass', out)
        return project / 'build/lib/gatehouse/plugins/my-plugin.so'

    def serves(self, file, kind):
        request, expected = REQUESTS[kind]
        running = Running(self.gatehouse, self.folder, file)
        try:
            expect(request[1] in running.curl, 'the curl line has another path', running.curl)
            status, body = running.request(*request)
            expect(status == 200 and expected in text_of(body), f'{status}', body)
        finally:
            status = running.end()
        expect(status == 0, f'exit status {status}', ''.join(running.seen))

    # ---- The tests

    def test_names_that_are_rejected(self):
        for name, rule in (('my plugin', 'letters, digits'), ('1st', 'begins with a letter'),
                           ('x' * 65, 'at most 64'), ('class', 'has a meaning in C++'),
                           ('../x', 'letters, digits')):
            out = self.new(name=name, status=1)
            expect(rule in out, f'{name}: no rule', out)
        expect(not list(self.folder.iterdir()), 'something was written')

    def test_nothing_is_overwritten(self):
        folder = self.folder / 'mine'
        folder.mkdir()
        (folder / 'file').write_text('mine')
        out = self.new('--dir', folder, status=1)
        expect('choose another folder with --dir' in out, 'no remedy', out)
        expect([path.name for path in folder.iterdir()] == ['file'], 'something was written')

    def test_the_spellings_of_a_name(self):
        for language in LANGUAGES:
            if language == 'rust' and not (self.prefix / 'share/gatehouse/rust').exists():
                continue
            for kind in KINDS:
                name = f'Two_words-{language}-{kind}'
                self.new('--lang', language, '--kind', kind, name=name)
                project = self.folder / name
                texts = {path.name: path.read_text() for path in project.rglob('*')
                         if path.is_file()}
                builds = 'Cargo.toml' if language == 'rust' else 'CMakeLists.txt'
                expect({'.gitignore', builds, 'README.md', 'schema.json'} < set(texts),
                       'a file is missing', str(sorted(texts)))
                for example in (self.folder.parent / 'examples').read_text().split():
                    spellings = [example, example.replace('-', '_'),
                                 example.title().replace('-', '')]
                    left = [f'{file}: {word}' for file, text in texts.items()
                            for word in spellings if word in file + text]
                    expect(not left, f'{language} {kind} keeps the name of its example', str(left))

    def test_the_tutorial(self):
        reader = Reader(self.prefix, self.folder)
        try:
            reader.follow(TUTORIAL.read_text())
        finally:
            reader.end()
        expect(reader.running, 'the tutorial runs no gateway')

    def test_run_serves_new_code_when_the_file_is_built_again(self):
        file = self.folder / 'text-api.so'
        built = (self.folder.parent / 'text-api.so').read_bytes()
        old, new = b'Send a text as', b'Send a line as'
        file.write_bytes(built)
        running = Running(self.gatehouse, self.folder, file)
        try:
            expect(old.decode() in running.request('POST', '/text-api', '')[1], 'not the old code')
            copy = self.folder / 'copy'
            copy.write_bytes(built.replace(old, new))
            copy.rename(file)
            running.wait_for('"message":"reloaded: ')
            status, body = running.request('POST', '/text-api', '')
            expect(new.decode() in body, f'not the new code: {status}', body)
        finally:
            expect(running.end() == 0, 'exit status')


def kinds():
    for language in LANGUAGES:
        for kind in KINDS:
            def test(author, language=language, kind=kind):
                if language == 'rust' and not (author.prefix / 'share/gatehouse/rust').exists():
                    return 'skipped: this build installs no crates'
                began = time.monotonic()
                author.new('--lang', language, '--kind', kind)
                file = author.build(language)
                took = time.monotonic() - began
                report = json.loads(run(author.gatehouse, 'plugin', 'check', file, '--json',
                                        cwd=author.folder))
                expect(report['findings'] == [], 'check finds', str(report['findings']))
                author.serves(file, kind)
                return f'{took:.0f} s' + (f', more than {TARGET}' if took > TARGET else '')
            yield f'{language} {kind}', test


def run_test(prefix, folder, name, test):
    """What is to be said of it, and whether it has failed."""
    own = folder / re.sub(r'\W', '-', name)
    own.mkdir()
    try:
        return test(Author(prefix, own)), False
    except (Wrong, OSError, subprocess.TimeoutExpired, ValueError) as wrong:
        return str(wrong), True


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', type=pathlib.Path, required=True)
    parser.add_argument('--only', metavar='NAME', default='')
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    tests = dict(kinds())
    tests |= {name.removeprefix('test_').replace('_', ' '): getattr(Author, name)
              for name in vars(Author) if name.startswith('test_')}
    chosen = {name: test for name, test in tests.items() if arguments.only in name}

    with tempfile.TemporaryDirectory(prefix='scaffold-') as text:
        folder = pathlib.Path(text)
        for component in ('gateway', 'plugins', 'dev'):
            run('cmake', '--install', build, '--prefix', folder / 'prefix', '--component', component,
                cwd=folder)
        examples = build.parent / 'sdk/example'
        (folder / 'examples').write_text(' '.join(
            path.name for path in examples.iterdir() if '-' in path.name))
        (folder / 'text-api.so').write_bytes((build / 'lib/example/text-api.so').read_bytes())
        failed = 0
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = pool.map(lambda item: run_test(folder / 'prefix', folder, *item),
                               chosen.items())
            for name, (said, wrong) in zip(chosen, results):
                failed += wrong
                print(f'{"FAILED " if wrong else "ok     "} {name}' + (f': {said}' if said else ''),
                      flush=True)
    print(f'{len(chosen) - failed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
