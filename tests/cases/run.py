#!/usr/bin/env python3
"""Runs cases (README.md) against the real program, with a Gemini that is as strict as the real one.

    run.py --gatehouse build/bin/gatehouse [--only TEXT] [-v]

Prints a line per case, below a failed one the properties that do not hold, and at the end
'N passed, N failed'. Exits with 1 if any failed.
"""
import argparse
import concurrent.futures
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from chat import ask
from gemini import Gemini

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'exchanges'))
from gateway import Gateway, command, record  # noqa: E402

AT_ONCE = 3     # a case mostly waits
CLIENT_SECONDS = 60
PLUGINS = ('chat', 'tools', 'cache', 'mcp', 'retry', 'gemini')   # a case may set these up
CLIENTS = {'5.0.92': 'ai5-oldest', '5': 'ai', '6': 'ai6', '7': 'ai7'}


def pipeline(case):
    settings = {name: case[name] for name in PLUGINS if name in case}
    settings['chat'] = settings.get('chat', {})
    settings['tools'] = settings.get('tools', {})
    retry = {'delay': '20ms', 'jitter': 0, 'breaker': {'failures': 1000}}
    settings['retry'] = retry | settings.get('retry', {})
    gemini = {'api_key': 'key', 'base_url': '$GEMINI', 'probe_interval': False}
    settings['gemini'] = gemini | settings.get('gemini', {})
    first = ['access-log', 'cors', 'health', 'metrics', 'extension-auth']
    return first + [{name: settings[name]} for name in PLUGINS if name in settings]


def day(match):
    """`$DAY+30`: the day in thirty days."""
    return str(datetime.date.today() + datetime.timedelta(int(match[1])))


class Case:
    def __init__(self, file, client=None):
        self.client = client
        self.name = file.stem + (f' with client {client}' if client else '')
        repeat = lambda o: o['$repeat'][0] * o['$repeat'][1] if set(o) == {'$repeat'} else o
        self.case = json.loads(re.sub(r'\$DAY([+-]\d+)', day, file.read_text()), object_hook=repeat)

    def is_for_client(self):
        return self.client in self.case.get('clients', [self.client])

    def write(self, folder, gemini):
        for name, value in self.case.get('files', {}).items():
            (folder / name).write_text(json.dumps(value))
        config = {'server': {'listen': '127.0.0.1:0'}, 'log': {'level': 'debug'},
                  'pipeline': pipeline(self.case)}
        text = json.dumps(config)
        for name, value in {'$GEMINI': gemini, '$HERE': str(HERE), '$FOLDER': str(folder)}.items():
            text = text.replace(name, value)
        (folder / 'gatehouse.yaml').write_text(text)
        return folder / 'gatehouse.yaml'

    def play(self, binary):
        """What the expressions of the case see."""
        env = {key: value for key, value in os.environ.items() if not key.startswith('GEMINI_')}
        gemini = Gemini(self.case.get('upstream', ['ok']))
        with tempfile.TemporaryDirectory(prefix='case-') as folder, gemini:
            config = self.write(Path(folder), gemini.url)
            if self.case.get('check'):
                done = subprocess.run(command(binary, config, check=True), env=env,
                                      capture_output=True, text=True)
                return {'status': done.returncode, 'said': done.stdout + done.stderr}
            gateway = Gateway(binary, config, folder, env)
            try:
                for name in self.case.get('await', []):
                    gateway.wait_for(lambda: any(name in line for line in gateway.lines), 5)
                out = self.converse(gateway.address)
            finally:
                gateway.signal('TERM')
                gateway.exit_status()
            log = [record(line) for line in gateway.lines]
            return {'out': out, 'up': gemini.requests(), 'log': log,
                    'logged': '\n'.join(gateway.lines)}

    def converse(self, address):
        if not self.client:
            return [ask(address, request) for request in self.case['requests']]
        script = json.dumps(self.case['client'])
        client = ['node', HERE / 'client.mjs', CLIENTS[self.client], f'http://{address}', script]
        done = subprocess.run(client, capture_output=True, text=True, timeout=CLIENT_SECONDS)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout)

    def attempt(self, binary, verbose):
        """(the properties that do not hold, what the case has seen)"""
        try:
            seen = self.play(binary)
        except Exception:
            return [traceback.format_exc(limit=-1)], ''
        about = lambda text: [request for request in seen['up'] if text in request['raw']]
        scope = {'re': re, 'json': json, 'about': about, **HELP, **seen}
        wrong = []
        for want, expression in self.case['want']:
            try:
                held = eval(expression, scope)
            except Exception as error:
                held, want = False, f'{want} ({type(error).__name__}: {error})'
            if not held:
                wrong.append(f'not so: {want}')
        return wrong, transcript(seen) if verbose else ''


def parts(request):
    return [part for content in request['body']['contents'] for part in content['parts']]


def functions(request):
    return [function for tool in request['body'].get('tools', [])
            for function in tool.get('functionDeclarations', [])]


def declared(request):
    """The schema of each function."""
    return {f['name']: f.get('parametersJsonSchema', f.get('parameters'))
            for f in functions(request)}


def kinds(parts):
    """The kinds of parts in a message of the client, without the marks between steps."""
    return [part['type'] for part in parts if part['type'] != 'step-start']


def thinking(request):
    return request['body'].get('generationConfig', {}).get('thinkingConfig', {})


def results(request):
    return [part['functionResponse'] for part in parts(request) if 'functionResponse' in part]


def ok(response):
    return response['text'] == 'ok' and not response['error']


HELP = {'parts': parts, 'functions': functions, 'kinds': kinds, 'ok': ok,
        'config': lambda request: request['body'].get('generationConfig', {}),
        'thinking': thinking,
        'declared': declared,
        'calls': lambda request: [part for part in parts(request) if 'functionCall' in part],
        'results': results,
        'state': lambda response: json.loads(response['raw'])}


def transcript(seen):
    lines = [f'{key}: {value}'[:3000] for key, value in seen.items() if key in ('status', 'said')]
    for request in seen.get('up', []):
        lines.append(f"up: {request['path']} {request['raw'][:3000]}")
        lines += [f'    refused: {words}'[:500] for words in request['refused']]
    out = seen.get('out')
    for response in out if isinstance(out, list) else [out]:
        lines.append(f'out: {json.dumps(response)}'[:3000])
    warnings = [line for line in seen.get('log', []) if line.get('level') in ('warn', 'error')]
    lines += [f'log: {json.dumps(line)}'[:600] for line in warnings]
    return '\n'.join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--gatehouse', required=True, type=Path, help='the program')
    parser.add_argument('--only', default='', help='only cases whose name contains this')
    parser.add_argument('-v', '--verbose', action='store_true', help='show what was seen')
    args = parser.parse_args()
    cases = [Case(file) for file in sorted((HERE / 'model').glob('*.json'))]
    cases += [Case(file, client) for file in sorted((HERE / 'clients').glob('*.json'))
              for client in CLIENTS]
    cases = [case for case in cases if args.only in case.name and case.is_for_client()]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        played = pool.map(lambda case: case.attempt(args.gatehouse.resolve(), args.verbose), cases)
        for case, (wrong, seen) in zip(cases, played):
            failed += bool(wrong)
            print(f"{'FAIL' if wrong else 'ok  '} {case.name}: {case.case['title']}",
                  *(f'     {line}' for text in [*wrong, seen] for line in text.splitlines()),
                  sep='\n', flush=True)
    print(f'{len(cases) - failed} passed, {failed} failed')
    return 0 if cases and not failed else 1


if __name__ == '__main__':
    sys.exit(main())
