#!/usr/bin/env python3
"""Plays exchange files (README.md) against the real program: what a user sees over HTTP, on the terminal and in the log.

    run.py --gatehouse build/bin/gatehouse [--only NAME]

One line per case, what was wrong below a failed one, last line 'N passed, N failed', exit code 1 if any failed.
"""
import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import exchange_file
from exchange_file import body_pattern, contains, matches, message
from gateway import Gateway, command, record
from upstream import Upstream

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / 'attack'))
from rawhttp import split_responses  # noqa: E402

ANSWER_SECONDS = 10.0
LOG_SECONDS = 2.0
CHECK_SECONDS = 2.0     # a wrong configuration is told about within this time


class Wrong(Exception):
    """What came is not what stands in the file."""


class Connection:
    def __init__(self, address):
        host, port = address.rsplit(':', 1)
        self.sock = socket.create_connection((host, int(port)), ANSWER_SECONDS)
        self.data, self.closed, self.head_only = b'', False, False

    def send(self, request, head_only):
        self.data, self.head_only = b'', head_only
        self.sock.sendall(request)

    def answer(self):
        """The final answer as far as it has come, or None."""
        answers = split_responses(self.data, self.closed, self.head_only)
        return next((a for a in answers if a.status >= 200 and b'\r\n\r\n' in self.data), None)

    def read_until(self, test, seconds=ANSWER_SECONDS):
        end = time.monotonic() + seconds
        while not (done := test()) and not self.closed and (left := end - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                piece = self.sock.recv(65536)
            except TimeoutError:
                break
            except ConnectionError:
                piece = b''
            self.closed = not piece
            self.data += piece
        return done or test()


class Player:
    """Plays the cases of one file in order; they share one gateway and one upstream."""
    def __init__(self, binary, name):
        self.binary, self.name = binary, name
        self.directory = tempfile.TemporaryDirectory(prefix='exchange-')
        self.upstream = Upstream()
        self.taken = socket.create_server(('127.0.0.1', 0))
        self.gateway = self.finished = self.connection = self.expected_body = None
        self.log_start = 0
        self.never = []         # what neither an answer nor the log may tell
        self.env = {key: value for key, value in os.environ.items() if not key.startswith('GEMINI_')}
        self.env |= {'UPSTREAM': self.upstream.address, 'USED_PORT': str(self.taken.getsockname()[1]), 'PORT': '0'}

    def play(self, case):
        self.connection = None
        self.log_start = len(self.gateway.lines) if self.gateway else 0
        self.upstream.script([step.lines for step in case.steps if step.kind == '<<'])
        try:
            for index, step in enumerate(case.steps):
                action = self.steps.get(step.kind)
                try:
                    if not action:
                        raise Wrong(f'there is no step {step.kind!r}')
                    if not self.gateway and step.kind in ('>', 'signal', 'refused', 'log'):
                        raise Wrong('no gateway is running')
                    action(self, step, case.steps[index + 1:])
                except Wrong as wrong:
                    raise Wrong(f'{self.name}:{step.line}: {wrong}') from None
        finally:
            if self.connection:
                self.connection.sock.close()

    # ---- The gateway

    def config_path(self, step):
        if step.text:
            return str(ROOT / step.text)
        Path(self.directory.name, 'config.yaml').write_text('\n'.join(step.lines) + '\n', encoding='utf-8')
        return 'config.yaml'

    def write_file(self, step, _):
        Path(self.directory.name, step.text).write_text('\n'.join(step.lines) + '\n', encoding='utf-8')

    def set_env(self, step, _):
        name, _, value = step.text.partition('=')
        self.env[name] = value

    def serve(self, step, _):
        self.stop()
        try:
            self.gateway = Gateway(self.binary, self.config_path(step), self.directory.name, self.env)
        except RuntimeError as error:
            raise Wrong(error) from None

    def stop(self):
        """Ends the gateway if there is one; it must go quietly."""
        if not self.gateway:
            return
        if self.gateway.process.poll() is None:
            self.gateway.signal('TERM')
        status, output = self.ended()
        if status != 0:
            raise Wrong(f'the gateway ended with {status} after SIGTERM:\n' + '\n'.join(output[-20:]))

    def ended(self):
        """Exit status and output of the gateway, once it is gone."""
        gateway, self.gateway = self.gateway, None
        status = gateway.exit_status()
        leaked = [line for line in gateway.lines for text in self.never if text in line]
        if leaked:
            raise Wrong('the log tells what it must not:\n' + '\n'.join(leaked))
        return status, gateway.lines

    def run_to_end(self, step, rest):
        """`check` and `start`: the program ends by itself; `exits` says how."""
        if not rest or rest[0].kind != 'exits':
            raise Wrong('what is its exit status?')
        arguments = command(self.binary, self.config_path(step), step.kind == 'check')
        try:
            self.finished = subprocess.run(arguments, cwd=self.directory.name, env=self.env, text=True, stdin=subprocess.DEVNULL,
                                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=CHECK_SECONDS)
        except subprocess.TimeoutExpired:
            raise Wrong(f'still running after {CHECK_SECONDS} s') from None

    def exits(self, step, _):
        finished, self.finished = self.finished, None
        status, output = (finished.returncode, finished.stdout.splitlines()) if finished else self.ended()
        missing = [line for line in step.lines if not any(matches(line, printed) for printed in output)]
        if str(status) != step.text or missing:
            raise Wrong('\n'.join([f'exit status {status}', *(f'no line {line!r}' for line in missing), 'printed:', *output]))

    def signal(self, step, _):
        self.gateway.signal(step.text)

    # ---- Over HTTP

    def request(self, step, _):
        wanted = message(step.lines)
        method = wanted.first.split(' ')[0]
        body = '\n'.join(wanted.body or []).encode()
        if wanted.header('Host') is None:
            wanted.headers.append(('Host', self.gateway.address))
        if body and wanted.header('Content-Length') is None:
            wanted.headers.append(('Content-Length', str(len(body))))
        head = [f'{wanted.first} HTTP/1.1', *(f'{name}: {value}' for name, value in wanted.headers), '', '']
        if not self.connection or self.connection.closed:
            self.connection = Connection(self.gateway.address)
        self.connection.send('\r\n'.join(head).encode() + body, method == 'HEAD')
        self.expected_body = None

    def answer(self, step, rest):
        """A second block of the same answer continues the first, whose part must have come by then."""
        if self.expected_body is None:
            wanted = message(step.lines)
            self.connection.read_until(self.connection.answer)
            self.check_head(wanted)
            self.expected_body = wanted.body
        else:
            self.expected_body += step.lines
        later = [other.kind for other in rest if other.kind in ('<', '>', 'leaves')]
        if later and later[0] != '>':
            self.check(self.connection.read_until(lambda: self.body_so_far()[0]))
        else:
            self.check(self.connection.read_until(lambda: self.connection.answer().complete))
            self.check(self.expected_body is None or self.body_so_far()[1])
        if any(text.encode() in self.connection.answer().body for text in self.never):
            raise Wrong('the answer tells what it must not')

    def check(self, good):
        if not good:
            state = 'closed' if self.connection.closed else 'open'
            raise Wrong(f'the connection is {state}, got:\n' + self.connection.data.decode(errors='replace')[:4000])

    def check_head(self, wanted):
        answer = self.connection.answer()
        self.check(answer and str(answer.status) == wanted.first)
        for name, value in wanted.headers:
            got = [text for key, text in answer.headers if key.lower() == name.removeprefix('!').lower()]
            if (got if name.startswith('!') else len(got) != 1 or not matches(value, got[0])):
                raise Wrong(f'{name.removeprefix("!")}: {got}')

    def body_so_far(self):
        """Whether what came begins with the expected body, and whether it is all of it."""
        text = self.connection.answer().body.decode(errors='replace').rstrip('\n') + '\n'
        lines = '\n'.join(self.expected_body).rstrip('\n').split('\n')
        wanted = body_pattern(lines)
        return re.match(wanted, text), re.fullmatch(wanted, text)

    def leaves(self, *_):
        self.connection.sock.close()
        self.connection = None

    def closes(self, *_):
        self.connection.read_until(lambda: False, LOG_SECONDS)
        if not self.connection.closed:
            raise Wrong('the connection stays open')

    def refused(self, *_):
        """New connections are, very soon."""
        end = time.monotonic() + LOG_SECONDS
        while time.monotonic() < end:
            try:
                Connection(self.gateway.address).sock.close()
            except ConnectionError:
                return
            time.sleep(0.02)
        raise Wrong('new connections are accepted')

    def asked(self, step, _):
        """What the upstream was asked."""
        wanted = message(step.lines)
        asked = self.upstream.next_request(ANSWER_SECONDS)
        if not asked:
            raise Wrong('the upstream was not asked')
        first, headers, body = asked
        got = {name.lower(): value for name, value in headers}
        good = matches(wanted.first, first) and all(matches(value, got.get(name.lower(), '')) for name, value in wanted.headers)
        if not good or (wanted.body is not None and not re.fullmatch(body_pattern(wanted.body), body + '\n')):
            raise Wrong('\n'.join(['the upstream was asked:', first, *(f'{name}: {value}' for name, value in headers), '', body]))

    # ---- The log

    def log(self, step, _):
        wanted = json.loads(step.text)
        lines = self.gateway.lines
        if not self.gateway.wait_for(lambda: any(contains(wanted, record(line)) for line in lines[self.log_start:]), LOG_SECONDS):
            raise Wrong('the log has only:\n' + '\n'.join(lines[self.log_start:]))

    def forbid(self, step, _):
        self.never.append(step.text)

    def close(self):
        if self.gateway:
            self.gateway.process.kill()
        self.upstream.close()
        self.taken.close()
        self.directory.cleanup()

    steps = {'env': set_env, 'file': write_file, 'config': serve, 'check': run_to_end, 'start': run_to_end, 'exits': exits, 'signal': signal,
             '>': request, '<': answer, '>>': asked, '<<': lambda *_: None, 'leaves': leaves, 'closes': closes, 'refused': refused,
             'log': log, 'never': forbid}


def attempt(name, action):
    """Whether `action` found nothing wrong; says so in one line."""
    try:
        action()
    except (Wrong, OSError) as wrong:
        print(f'FAIL {name}\n' + '\n'.join('     ' + line for line in str(wrong).splitlines()), flush=True)
        return False
    print(f'ok   {name}', flush=True)
    return True


def play_file(binary, path):
    """What became of each case of the file."""
    player, results = Player(binary, path.name), []
    try:
        for case in exchange_file.parse(path.read_text(encoding='utf-8')):
            results.append(attempt(f'{path.stem}: {case.name}', lambda case=case: player.play(case)))
        if player.gateway:
            results.append(attempt(f'{path.stem}: stops', player.stop))
    finally:
        player.close()
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--gatehouse', required=True, help='the program')
    parser.add_argument('--only', default='', help='only files whose name contains this')
    args = parser.parse_args()
    binary = str(Path(args.gatehouse).resolve())
    results = [result for path in sorted(HERE.glob('*.txt')) if args.only in path.stem for result in play_file(binary, path)]
    print(f'{results.count(True)} passed, {results.count(False)} failed')
    return 0 if results and all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
