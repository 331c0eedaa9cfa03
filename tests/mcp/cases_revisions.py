"""Servers of the official SDK that speak 2026-07-28, and the conformance suite of the MCP project.

Need `npm ci` in this folder, once.
"""
import json
import os
import shlex
import socket
import subprocess
import sys

from cases_admin import ADMIN, ask
from cases_real import NODE, TIMES
from checks import PATIENCE, Wrong, check, eventually
from play import HERE, test

NEW, OLD = '2026-07-28', '2025-11-25'
SUITE = HERE / 'node_modules/@modelcontextprotocol/conformance/dist/index.js'
SUITE_SECONDS = 60


class Modern:
    """modern.mjs at a port."""
    def __init__(self, eras):
        with socket.create_server(('127.0.0.1', 0)) as free:
            port = free.getsockname()[1]
        self.process = subprocess.Popen([NODE, str(HERE / 'modern.mjs'), eras, str(port)])
        self.url = f'http://127.0.0.1:{port}/mcp'

    def close(self):
        self.process.kill()
        self.process.wait()


def protocols(f):
    return {server['name']: server.get('protocol')
            for server in json.loads(ask(f, '/mcp/servers').body) if server['state'] == 'up'}


def speak(f, eras, *near):
    """`near`: the revisions that may be spoken over pipes. A server that speaks both is also asked
    the old way when it is slow to start."""
    f.providers.append(Modern(eras))
    f.begin({'name': 'near', 'command': [NODE, str(HERE / 'modern.mjs'), eras], **TIMES},
            {'name': 'far', 'url': f.providers[-1].url, **TIMES},
            admin=ADMIN)
    eventually(lambda: protocols(f).get('near') in near and protocols(f).get('far') == NEW,
               PATIENCE * 4, 'they are not up')
    told = f.ask(('near_echo', {'message': 'a'}), ('far_echo', {'message': 'ä'}))
    check(told == ['Echo: a', 'Echo: ä'], told)


@test
def servers_that_speak_2026_07_28_only(f):
    speak(f, 'new', NEW)


@test
def servers_that_speak_both_are_asked_the_new_way(f):
    speak(f, 'both', NEW, OLD)


def conforms(scenario, *revisions):
    def run(f):
        check(SUITE.exists(), 'run `npm ci` in', HERE)
        client = shlex.join([sys.executable, str(HERE / 'conforming.py'), str(f.binary)])
        for revision in revisions:
            done = subprocess.run([NODE, '--import', str(HERE / 'glob.mjs'), str(SUITE), 'client',
                                   '--command', client, '--scenario', scenario,
                                   '--spec-version', revision, '--output-dir', str(f.folder)],
                                  cwd=f.folder, env=os.environ, text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=SUITE_SECONDS)
            if done.returncode != 0:
                raise Wrong(revision + '\n' + done.stdout[-3000:])
    run.__name__ = 'conformance_' + scenario.replace('-', '_')
    return test(run)


conforms('initialize', OLD)
conforms('tools_call', OLD, NEW)
conforms('elicitation-sep1034-client-defaults', OLD)
conforms('sse-retry', OLD)
conforms('json-schema-2020-12-preservation', OLD, NEW)
conforms('json-schema-ref-no-deref', NEW)
conforms('request-metadata', NEW)
conforms('sep-2322-client-request-state', NEW)
conforms('http-standard-headers', NEW)
conforms('http-custom-headers', NEW)
conforms('http-invalid-tool-headers', NEW)
