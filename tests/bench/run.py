#!/usr/bin/env python3
"""Measures the gateway beside other servers in the same run, and writes tables and plots.

    run.py                                    everything, at most 15 minutes
    run.py --quick                            the main lanes, one round, 5 minutes
    run.py --lanes chat-2k,paced --servers nginx,gatehouse
    run.py --gatehouse A --gatehouse B        two builds of the gateway beside each other

README.md explains how it measures.
"""
import argparse
import dataclasses
import json
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time

import report
import servers
import traffic

QUIET_CORES = 0.25        # that others use; a noisier sample is taken again, up to twice
RETRY_SECONDS = 360       # after these no sample is taken again: the whole run stays below 15 min
NODE_JS = ('portkey', 'reference')


def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--gatehouse', action='append', help='default: build/bin/gatehouse')
    p.add_argument('--quick', action='store_true', help='fewer lanes, one round')
    p.add_argument('--lanes', help='comma separated, of traffic.py')
    p.add_argument('--servers', help='comma separated; default: all')
    p.add_argument('--rounds', type=int)
    p.add_argument('--out', type=pathlib.Path, default='build/bench',
                   help='where RESULTS.md, the plots and results.json go; default: %(default)s')
    return p.parse_args()


class Bench:
    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        programs = arguments.gatehouse or ['build/bin/gatehouse']
        self.tools = pathlib.Path(programs[0]).resolve().parent
        self.upstream = servers.Upstream(self.tools / 'bench_upstream')
        everything = [
            self.upstream, servers.nginx(self.upstream), servers.haproxy(self.upstream),
            servers.portkey(self.upstream), servers.reference(self.upstream, folder),
            *(servers.gatehouse('gatehouse' + (f'-{n}' if n > 1 else ''),
                                pathlib.Path(program).resolve(), self.upstream)
              for n, program in enumerate(programs, 1))]
        chosen = arguments.servers and arguments.servers.split(',')
        self.servers = [s for s in everything if not chosen or s.name in chosen]
        self.began = time.monotonic()

    def lanes(self):
        names = traffic.QUICK if self.arguments.quick else [lane.name for lane in traffic.LANES]
        if self.arguments.lanes:
            names = self.arguments.lanes.split(',')
        return [lane for lane in traffic.LANES if lane.name in names]

    def rounds(self, lane):
        return self.arguments.rounds or (1 if self.arguments.quick else lane.rounds)

    def run(self):
        """{lane: {server: [a result of each round]}}; in a round each server has its turn."""
        results = {}
        for lane in self.lanes():
            taking = [s for s in self.servers
                      if lane.request in s.requests and s.name not in lane.slow
                      and (lane.mode not in ('idle', 'memory') or s is not self.upstream)]
            results[lane.name] = {s.name: [] for s in taking}
            for number in range(self.rounds(lane)):
                for server in taking:
                    result = self.sample(server, lane)
                    results[lane.name][server.name].append(result)
                    print(report.progress(lane, server.name, number, result), flush=True)
        return results

    def sample(self, server, lane):
        if lane.mode == 'memory':
            return self.memory(server, lane)
        if server.prepare(self.folder, lane):
            self.warm_up(server, lane)
        self.upstream.set(lane.shape())
        best = None
        for _ in range(1 if self.arguments.quick or lane.mode != 'loop' else 3):
            result = self.load(server, lane)
            if best is None or result['foreign_cores'] < best['foreign_cores']:
                best = result
            if best['foreign_cores'] < QUIET_CORES or self.seconds() > RETRY_SECONDS:
                break
        return best

    def seconds(self):
        return time.monotonic() - self.began

    def warm_up(self, server, lane):
        """Compilers warm up, and the memory of a lane is not that of code being loaded."""
        request = lane.request if lane.request != 'local' else 'chat'
        lane = traffic.Lane('', '', request=request, connections=4)
        self.upstream.set(lane.shape())
        self.load(server, lane, 2 if server.name in NODE_JS else 0.5)

    def load(self, server, lane, seconds=1.5):
        flags = ['--port', server.port, '--connections', lane.connections, '--repeat', lane.repeat,
                 '--ramp', lane.ramp, '--seconds', seconds, '--limit', 60,
                 '--watch', f'server={server.process.pid}',
                 *server.requests[lane.request].flags(self.folder, lane)]
        if server is not self.upstream:
            flags += ['--watch', f'upstream={self.upstream.process.pid}']
        mode = 'loop' if lane.mode == 'memory' else lane.mode
        command = [str(word) for word in (self.tools / 'bench_load', mode, *flags)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=120)
        return json.loads(done.stdout)

    def memory(self, server, lane):
        starts = []
        for _ in range(3):
            server.prepare(self.folder, lane)
            starts.append(server.start_ms)
        time.sleep(1)
        self.upstream.set(lane.shape())
        result = self.load(server, lane, 4)
        time.sleep(5)
        nothing = self.load(server, dataclasses.replace(lane, connections=0), 0)
        later = nothing['processes']['server']['rss_before_kib']
        return {**result, 'starts_ms': starts, 'rss_later_kib': later}

    def close(self):
        for server in (*self.servers, self.upstream):
            server.stop()


def main():
    arguments = parse_arguments()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers are stopped
    with tempfile.TemporaryDirectory(prefix='gatehouse-bench-') as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)  # nginx's workers may be another user
        bench = Bench(arguments, folder)
        try:
            results = bench.run()
        finally:
            bench.close()
        facts = report.facts(bench.seconds(), [s.name for s in bench.servers])
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / 'results.json').write_text(json.dumps([facts, results], indent=1))
    report.write(facts, results, arguments.out)
    print(f'\n{arguments.out}/RESULTS.md, after {facts["seconds"]:.0f} s')


if __name__ == '__main__':
    main()
