#!/usr/bin/env python3
"""The two commands of README.md in a fresh Debian, and how long each takes.

    fresh.py --build build [--only run]

Not part of packaging/test, which it runs: it takes an hour, fetches some hundred packages, needs
root and the port 3000. Their output comes as it is written; the last lines are the times.
"""
import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from chroot import ENVIRONMENT, bare, copy_of
from fixture import ROOT

AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt'  # also those of this machine's proxy, for npm
COMMANDS = {'run': ['packaging/run', '--once'], 'test': ['packaging/test']}


def copy_sources(system):
    """What is committed."""
    (system / '/src').mkdir()
    archive = subprocess.Popen(['git', '-C', ROOT, 'archive', 'HEAD'], stdout=subprocess.PIPE)
    subprocess.run(['tar', '-x', '-C', system / '/src'], stdin=archive.stdout, check=True)
    shutil.copy(AUTHORITIES, system / '/tmp/authorities.pem')


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', type=Path, default='build', help='where Debian is kept')
    parser.add_argument('--only', choices=COMMANDS)
    arguments = parser.parse_args()
    environment = {**ENVIRONMENT, 'NODE_EXTRA_CA_CERTS': '/tmp/authorities.pem',
                   **{key: value for key, value in os.environ.items()
                      if key == 'CMAKE_BUILD_PARALLEL_LEVEL'}}
    results = []
    with copy_of(bare(arguments.build.resolve())) as system:
        copy_sources(system)
        for name in [arguments.only] if arguments.only else COMMANDS:
            began = time.monotonic()
            done = subprocess.run(
                system.command('sh', '-c', f'cd /src && exec {" ".join(COMMANDS[name])}'),
                env=environment, stdin=subprocess.DEVNULL)
            results.append((name, done.returncode, time.monotonic() - began))
    for name, status, took in results:
        print(f'packaging/{name}: exit status {status}, {took / 60:.1f} minutes', flush=True)
    return int(any(status for _, status, _ in results))


if __name__ == '__main__':
    sys.exit(main())
