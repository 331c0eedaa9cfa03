#!/usr/bin/env python3
"""Counts the instructions of a response in user space, by callgrind, and compares them with those
recorded in instructions.json: they are nearly the same in each run, whatever else runs.

    instructions.py [--gatehouse build/bin/gatehouse]     one more than 10 % above its record fails
    instructions.py --record                              replaces the record, but for local
    instructions.py --keep FOLDER                         keeps the profiles, for callgrind_annotate

The local response is that of /health, which renews its summary every 10 ms: on a machine with other
work that is every time, so its record is what was counted there.

One client, one kept-alive connection, the whole pipeline of gatehouse.yaml. The last line is
'N passed, N failed'.
"""
import argparse
import http.client
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import servers
import traffic

RECORD = servers.HERE / 'instructions.json'
TOLERANCE = 1.10
MORE_EVENTS = 200
WARM_UP = 20              # responses before those that count


def lane(request, size=2000, events=10):
    # All events in one send, so that each run reads them in the same pieces.
    return traffic.Lane('', '', request=request, size=size, events=events, batch=events)


# name: (lane, responses)
COUNTED = {
    'local': (lane('local'), 100),
    'chat-2k': (lane('chat'), 60),
    'chat-2k, more events': (lane('chat', events=10 + MORE_EVENTS), 20),
    'chat-20k': (lane('chat', size=20_000), 30),
    'chat-200k': (lane('chat', size=200_000), 10),
}


class Profiled:
    """The gateway in callgrind."""

    def __init__(self, program, folder):
        self.folder = folder
        self.upstream = servers.Upstream(program.parent / 'bench_upstream')
        self.server = servers.gatehouse('gatehouse', program, self.upstream)
        self.server.command[:0] = ['valgrind', '-q', '--tool=callgrind', '--instr-atstart=no',
                                   f'--callgrind-out-file={folder}/callgrind']
        self.server.start(folder)
        self.control('--instr=on')
        self.client = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=60)

    def control(self, command):
        subprocess.run(['callgrind_control', command, str(self.server.process.pid)], check=True,
                       capture_output=True)

    def count(self, name, lane, responses):
        """Instructions per response."""
        request = self.server.requests[lane.request]
        headers = dict(h.split(': ', 1) for h in request.headers)
        body = request.body and traffic.write_body(self.folder, request.body, lane.size,
                                                   request.model).read_bytes()
        self.upstream.set(lane.shape())
        self.send(request, body, headers, WARM_UP)
        self.control('--zero')
        self.send(request, body, headers, responses)
        self.control(f'--dump={name}')
        profile = max(self.folder.glob('callgrind.*'), key=lambda path: path.stat().st_mtime_ns)
        return int(re.search(r'^totals: (\d+)', profile.read_text(), re.M)[1]) / responses

    def send(self, request, body, headers, times):
        for _ in range(times):
            self.client.request('POST' if body else 'GET', request.path, body,
                                {**headers, 'Content-Type': 'application/json'})
            response = self.client.getresponse()
            text = response.read()
            if response.status != 200 or (body and not text.endswith(b'data: [DONE]\n\n')):
                sys.exit(f'status {response.status}: {text[-300:]}')

    def close(self):
        self.server.stop()
        self.upstream.stop()


def measure(program, folder):
    profiled = Profiled(program, folder)
    try:
        counts = {name: profiled.count(name, *how) for name, how in COUNTED.items()}
    finally:
        profiled.close()
    more = counts.pop('chat-2k, more events')
    counts['event'] = (more - counts['chat-2k']) / MORE_EVENTS
    return {name: round(count) for name, count in counts.items()}


def compare(counts, recorded):
    failed = 0
    for name, count in counts.items():
        good = count <= recorded[name] * TOLERANCE
        failed += not good
        print(f'{"ok  " if good else "FAIL"} {name}: {count:,} instructions, '
              f'{(count / recorded[name] - 1) * 100:+.1f} % of the recorded {recorded[name]:,}')
    print(f'{len(counts) - failed} passed, {failed} failed')
    return failed > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--gatehouse', type=pathlib.Path, default='build/bin/gatehouse')
    parser.add_argument('--record', action='store_true')
    parser.add_argument('--keep', type=pathlib.Path, metavar='FOLDER')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='gatehouse-instructions-') as name:
        folder = options.keep or pathlib.Path(name)
        folder.mkdir(exist_ok=True)
        counts = measure(options.gatehouse.resolve(), folder.resolve())
    recorded = json.loads(RECORD.read_text())
    if options.record:
        recorded = {**counts, 'local': recorded['local']}
        RECORD.write_text(json.dumps(recorded, indent=2) + '\n')
    return compare(counts, recorded)


if __name__ == '__main__':
    sys.exit(main())
