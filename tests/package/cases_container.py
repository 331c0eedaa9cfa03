"""The steps of the container file, in a chroot: no container engine is needed.

Its first stage is not run: it builds what is tested here, in four minutes.
"""
import json
import re
import shlex
import shutil

from chroot import ENVIRONMENT, bare, copy_of
from fixture import ROOT, Gateway, check, test
from load import chat
from packages import packages

CONFIG = '''
server: {listen: "0.0.0.0:%s"}
pipeline:
  - health
  - extension-auth: {anyone: true}
  - chat
  - simulator: {intended: true, word_delay: 0ms}
'''


def stages():
    """The instructions of each stage as (word, rest)."""
    text = (ROOT / 'packaging/Containerfile').read_text().replace('\\\n', '')
    lines = [line for line in text.splitlines() if line and not line.startswith('#')]
    found = []
    for word, rest in (line.split(maxsplit=1) for line in lines):
        if word == 'FROM':
            found.append([])
        found[-1].append((word, rest))
    return found


def words_of(rest):
    """The words of an instruction in its JSON form, which needs no shell."""
    return json.loads(rest[rest.index('['):])


class Image:
    """What an engine makes of the instructions: files, user, command, signal, health check."""
    def __init__(self, system, build):
        self.system, self.files = system, packages(build)
        self.user, self.command, self.health, self.signal = 'root:root', [], [], ''

    def apply(self, word, rest):
        if word == 'COPY':
            self.copy(*rest.split())
        elif word == 'RUN':
            self.system.run('sh', '-ec', rest, user=self.user)
        elif word == 'USER':
            self.user = rest
        elif word in ('ENTRYPOINT', 'CMD'):
            self.command += words_of(rest)
        elif word == 'HEALTHCHECK':
            self.health = words_of(rest)
        elif word == 'STOPSIGNAL':
            self.signal = rest.removeprefix('SIG')
        else:
            check(word in ('FROM', 'EXPOSE'), 'the test does not know', word)

    def copy(self, stage, *names):
        """The packages, which the first stage would have built."""
        check(stage == '--from=build', 'copies from', stage)
        *patterns, target = names
        for pattern in patterns:
            name = re.fullmatch(r'/src/build/packages/([a-z-]+)_\*\.deb', pattern)[1]
            shutil.copy(self.files[name], self.system / target)


@test
def the_container_file_makes_a_gateway(build):
    first, last = stages()
    for word, rest in first:
        for source in rest.split()[:-1] if word == 'COPY' else ():
            check((ROOT / source).exists(), 'there is no', source)
    with copy_of(bare(build)) as system:
        image = Image(system, build)
        for word, rest in last:
            image.apply(word, rest)
        check(re.fullmatch(r'[1-9]\d*:[1-9]\d*', image.user), 'the user is', image.user)
        (system / '/etc/gatehouse/gatehouse.yaml').write_text(CONFIG % 0)
        start = system.root.parent / 'start'
        start.write_text('#!/bin/sh\nexec '
                         + shlex.join(system.command(*image.command, user=image.user)) + '\n')
        start.chmod(0o755)
        gateway = Gateway(str(start), '', '/', ENVIRONMENT)
        try:
            port = gateway.address.rpartition(':')[2]
            wrong = chat(f'127.0.0.1:{port}')
            check(not wrong, wrong)
            check_health(image, port)
            gateway.signal(image.signal)
            check(gateway.exit_status() == 0, *gateway.lines[-5:])
        finally:
            gateway.process.kill()


def check_health(image, port):
    """Healthy while the gateway serves, unhealthy where nothing listens."""
    config = image.system / '/etc/gatehouse/gatehouse.yaml'
    for port, expected in ((port, 0), (1, 1)):
        config.write_text(CONFIG % port)
        status, output = image.system.status(*image.health, user=image.user)
        check(status == expected, 'healthcheck exited with', status, output)
