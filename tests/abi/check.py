#!/usr/bin/env python3
"""What `gatehouse plugin check` and `inspect` report: each mistake by its code, and nothing about
plugins that are right.

    check.py --gatehouse build/bin/gatehouse --fixtures build/lib/abi-fixtures
             --plugins build/lib/gatehouse/plugins --examples build/lib/example [NAME...]
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SECONDS = 60  # no check takes longer

# A mistake of fixtures/misuse.cpp; above or below the ingress plugin; the code that is reported
# for it, and for which part of the trial.
MISUSE = [
    ('no_response', 'chat', 'no_response', 'a chat'),
    ('no_response', '', 'no_response', 'a request'),
    ('crash', 'chat', 'crash', 'a chat'),
    ('plugin_error', '', 'plugin_error', 'a request'),
    ('failure_without_reason', '', 'failure_without_reason', 'a request'),
    ('blocks', 'chat', 'blocks', 'a chat'),
    ('slow', '', 'slow', 'create'),
    ('slow_destroy', '', 'slow', 'destroy'),
    ('hangs', '', 'hangs', 'create'),
    ('constructor_threw', '', 'constructor_threw', 'create'),
    ('problem', '', 'not_tried', 'create'),
    ('notes_replaced', 'chat', 'notes_replaced', 'a chat'),
    ('bytes', 'chat', 'bytes_below_chat', 'a chat'),
    ('event_grammar', 'chat', 'event_grammar', 'a chat'),
    ('incomplete_response', 'chat', 'incomplete_response', 'a chat'),
    ('events_above_chat', '', 'events_above_chat', 'a request'),
    ('wrong_thread', '', 'wrong_thread', 'a request'),
    ('kept_view', 'chat', 'kept_view', 'a chat'),
    ('kept_view', '', 'kept_view', 'a request'),
    ('kept_config', '', 'kept_view', 'a request'),
    ('next_after_end', '', 'next_after_end', 'a request'),
    ('ignores_stop', 'chat', 'ignores_stop', 'a chat whose client leaves'),
    ('emits_after_stop', '', 'ignores_stop', 'a request whose client leaves'),
    ('lock_across_next', 'chat', 'lock_across_wait', 'a chat while another one waits'),
    ('lock_across_emit', 'chat', 'lock_across_wait', 'a chat while another one waits'),
    ('lock_across_next', '', 'lock_across_wait', 'a request while another one waits'),
    ('swallows_failure', '', 'swallows_failure', 'a request that the rest of the pipeline fails'),
]
WARNINGS = {'slow', 'not_tried', 'exported_symbols', 'unique_symbols', 'newer_library', 'origin',
            'writable'}

# Fixtures whose file is wrong, and the code that is reported for it.
FILES = [
    ('bad_schema', 'schema'),
    ('unique', 'unique_symbols'),
    ('executable_stack', 'executable_stack'),
    ('text_relocations', 'text_relocations'),
    ('text_relocations', 'exported_symbols'),
    ('origin', 'origin'),
    ('aborts_on_load', 'crash'),
    ('hangs_on_load', 'hangs'),
    ('bad_magic', 'load'),
    ('undefined_symbol', 'load'),
    ('no_note', 'file'),
    ('silent_failure', 'silent_failure'),
    ('throws_raw', 'plugin_error'),
]


class Wrong(Exception):
    pass


def expect(condition, what, output=''):
    if not condition:
        raise Wrong(f'{what}\n{output}'.rstrip())


class Check:
    def __init__(self, arguments, folder):
        self.gatehouse, self.folder = arguments.gatehouse.resolve(), folder
        self.fixtures, self.plugins = arguments.fixtures.resolve(), arguments.plugins.resolve()
        self.examples = arguments.examples.resolve()

    def run(self, *arguments):
        done = subprocess.run(list(map(str, arguments)), stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=SECONDS, cwd=self.folder)
        expect(done.returncode in (0, 1), f'exit status {done.returncode}', done.stderr)
        return done.returncode, done.stdout, done.stderr

    def check(self, file, config=None):
        """The findings, in both forms."""
        options = []
        if config is not None:
            path = self.folder / 'settings.yaml'
            path.write_text(json.dumps(config))
            options = ['--config', path]
        status, out, _ = self.run(self.gatehouse, 'plugin', 'check', file, '--json', *options)
        report = json.loads(out)
        expect(report['ok'] == (status == 0), f'ok and exit status {status}', out)
        errors = [f for f in report['findings'] if f['severity'] == 'error']
        expect(report['ok'] == (not errors), 'errors do not decide', out)
        return report['findings']

    def finds(self, file, code, where=None, config=None):
        findings = self.check(file, config)
        found = [f for f in findings if f['code'] == code and where in (None, f['where'])]
        expect(found, f'{code} at {where} is not found', json.dumps(findings, indent=2))
        severity = 'warning' if code in WARNINGS else 'error'
        expect(found[0]['severity'] == severity, f'{code} is no {severity}')
        expect(found[0]['text'] and (found[0]['remedy'] or code in ('load', 'file')),
               f'{code} has no text or no remedy', str(found))
        return found[0]

    def copy(self, file, name):
        return pathlib.Path(shutil.copy(file, self.folder / name))

    # ---- The tests

    def test_a_file_that_needs_newer_libraries(self):
        file = self.folder / 'newer.so'
        whole = (self.fixtures / 'stamp.so').read_bytes()
        expect(b'GLIBC_2.2.5' in whole, 'the fixture needs no GLIBC_2.2.5')
        file.write_bytes(whole.replace(b'GLIBC_2.2.5', b'GLIBC_2.995'))
        expect('GLIBC_2.995' in self.finds(file, 'newer_library')['text'], 'no version')

    def test_a_file_that_others_can_write(self):
        file = self.copy(self.fixtures / 'stamp.so', 'stamp.so')
        if os.getuid() == 0:
            os.chown(file, 65534, -1)  # nobody
            self.finds(file, 'writable')
        file.chmod(0o666)
        expect('chmod' in self.finds(file, 'file')['text'], 'no remedy')

    def test_both_keywords_of_a_schema_are_reported(self):
        texts = [f['text'] for f in self.check(self.fixtures / 'bad_schema.so')]
        expect(any('/propertys' in text and 'did you mean `properties`' in text for text in texts),
               'propertys is not reported', str(texts))
        expect(any('regular expression' in text for text in texts), 'no regular expression',
               str(texts))

    def test_a_report_for_people(self):
        file = self.fixtures / 'misuse.so'
        settings = self.folder / 'settings.yaml'
        settings.write_text('mistake: no_response')
        status, _, err = self.run(self.gatehouse, 'plugin', 'check', file, '--config', settings)
        expect(status == 1, 'accepted', err)
        expect(re.search(rf'^{re.escape(str(file))}: error: a request: .*success without a response'
                         r': emit an event, .* \[no_response\]$', err, re.M), 'no such line', err)

    def test_settings_that_cannot_be_read(self):
        status, _, err = self.run(self.gatehouse, 'plugin', 'check', self.fixtures / 'misuse.so',
                                  '--config', self.folder / 'nothing.yaml')
        expect(status == 1 and 'nothing.yaml cannot be read' in err, 'no message', err)

    def test_plugins_that_are_right(self):
        files = sorted([*self.plugins.glob('*.so'), *self.examples.glob('*.so')])
        expect(len(files) > 20, f'only {len(files)} plugins')
        for file in files:
            wrong = [f for f in self.check(file) if f['code'] != 'not_tried']
            expect(not wrong, file.name, json.dumps(wrong, indent=2))

    def test_inspect_shows_what_a_plugin_is(self):
        file = self.examples / 'text-api.so'
        status, out, err = self.run(self.gatehouse, 'plugin', 'inspect', file, '--json')
        expect(status == 0, 'rejected', err)
        plugin = json.loads(out)
        expect(plugin['flags'] == ['ingress'] and plugin['routes'] == ['POST /text-api'],
               'flags or routes', out)
        expect(re.fullmatch('[0-9a-f]{64}', plugin['sha256']), 'sha256', out)
        expect('libc.so.6' in plugin['libraries'], 'libraries', out)
        expect(any(v.startswith('GLIBC_') for v in plugin['symbol_versions']), 'versions', out)
        expect(plugin['settings'][0] | {'description': ''} ==
               {'key': 'model', 'type': 'string', 'required': False, 'default': 'default',
                'description': ''}, 'settings', out)

    def test_inspect_shows_settings_with_choices_limits_and_items(self):
        _, out, _ = self.run(self.gatehouse, 'plugin', 'inspect', self.plugins / 'mcp.so', '--json')
        settings = {s['key']: s for s in json.loads(out)['settings']}
        expect(any('[].' in key for key in settings), 'no keys of items', out)
        _, out, _ = self.run(self.gatehouse, 'plugin', 'inspect', self.plugins / 'cache.so')
        expect(re.search(r'^flags: chat', out, re.M), 'no flags', out)
        expect(re.search(r'^extensions: .*gatehouse\.store/1', out, re.M), 'no extensions', out)
        expect(re.search(r'^admin routes: .*/', out, re.M), 'no admin routes', out)
        expect(re.search(r'^  ttl \(duration, at least 1ms, default 60s\)', out, re.M), 'no range', out)


def tests(arguments):
    """Name and function of each test."""
    def misuse(mistake, altitude, code, where):
        file = 'misuse_chat.so' if altitude else 'misuse.so'
        return lambda check: check.finds(check.fixtures / file, code, where, {'mistake': mistake})

    def wrong_file(name, code):
        config = {'in_create': False} if name == 'throws_raw' else {}
        return lambda check: check.finds(check.fixtures / f'{name}.so', code, config=config)

    for mistake, altitude, code, where in MISUSE:
        yield f'{mistake} {altitude or "above"}', misuse(mistake, altitude, code, where)
    for name, code in FILES:
        yield f'{name} {code}', wrong_file(name, code)
    for name in vars(Check):
        if name.startswith('test_'):
            yield name.removeprefix('test_').replace('_', ' '), getattr(Check, name)


def run_test(arguments, function):
    """What is wrong, or None."""
    with tempfile.TemporaryDirectory(prefix='check-') as folder:
        try:
            function(Check(arguments, pathlib.Path(folder)))
        except (Wrong, OSError, subprocess.TimeoutExpired, KeyError, ValueError) as wrong:
            return wrong
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('--gatehouse', '--fixtures', '--plugins', '--examples'):
        parser.add_argument(name, type=pathlib.Path, required=True)
    parser.add_argument('only', nargs='*', metavar='NAME',
                        help='only tests whose name contains one of these')
    arguments = parser.parse_args()
    chosen = {name: function for name, function in tests(arguments)
              if not arguments.only or any(word in name for word in arguments.only)}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:  # most of the time they wait
        results = pool.map(lambda function: run_test(arguments, function), chosen.values())
        failed = 0
        for name, wrong in zip(chosen, results):
            failed += wrong is not None
            print(f'ok      {name}' if wrong is None else f'FAILED  {name}: {wrong}')
    print(f'{len(chosen) - failed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
