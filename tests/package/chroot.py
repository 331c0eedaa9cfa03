"""Debian in a folder: made by debootstrap once, kept in build/package-chroot, copied for each use. If
the mirror has no longer what apt in there knows of, delete that folder.

Each command gets a mount namespace of its own, which ends with it, so no mount is left behind.
"""
import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from fixture import check, run

RELEASE = 'bookworm'
# What an author of plugins has installed before libgatehouse-dev.
TOOLS = ['build-essential', 'cargo', 'cmake', 'libgtest-dev', 'pkg-config']
# Not chroot alone: in one, unshare may make no namespaces, as some tests do.
ENTER = """
mount --bind "$0" "$0" && cd "$0" && mount -t proc proc proc && mount --rbind /dev dev &&
pivot_root . . && umount -l . && exec chroot "$@"
"""
ENVIRONMENT = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': '/root', 'LC_ALL': 'C.UTF-8',
               'DEBIAN_FRONTEND': 'noninteractive'}
APT = ['apt-get', '-q', '-y', '--no-install-recommends']


class Chroot:
    def __init__(self, root):
        self.root = root

    def __truediv__(self, path):
        return self.root / str(path).lstrip('/')

    def command(self, *words, user='root:root'):
        """The command line that runs these words in the chroot."""
        return ['unshare', '--mount', 'sh', '-c', ENTER, str(self.root), f'--userspec={user}', '/',
                *map(str, words)]

    def run(self, *words, user='root:root'):
        return run(*self.command(*words, user=user), env=ENVIRONMENT)

    def status(self, *words, user='root:root'):
        """Exit status and output of a command that may fail."""
        done = subprocess.run(self.command(*words, user=user), env=ENVIRONMENT, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60)
        return done.returncode, done.stdout

    def apt(self, *words):
        return self.run(*APT, *words)

    def install(self, *packages):
        """Packages, or files of packages on this side of the wall."""
        names = [name if isinstance(name, str) else self.bring(name) for name in packages]
        return self.apt('--allow-downgrades', 'install', *names)

    def bring(self, file):
        """A copy of the file, and its path inside."""
        shutil.copy(file, self / '/tmp')
        return f'/tmp/{file.name}'


def mirror():
    """The one that apt of this machine uses."""
    sites = run('apt-get', 'indextargets', '--format', '$(SITE)', 'Created-By: Packages',
                'Component: main', f'Codename: {RELEASE}').split()
    check(sites, f'apt has no sources of Debian {RELEASE}: see /etc/apt/sources.list.d')
    return sites[0]


def image(build, name, make):
    """The folder of a system that `make` fills, unless an earlier run has made it."""
    kept = build / 'package-chroot' / name
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f'{name}-', dir=kept.parent))
        unfinished.chmod(0o755)  # the root of the system: its users must pass
        make(unfinished)
        unfinished.rename(kept)
    return kept


def bare(build):
    def make(folder):
        run('debootstrap', '--variant=minbase', RELEASE, folder, mirror())
        (folder / 'etc/dpkg/dpkg.cfg.d/fast').write_text('force-unsafe-io\n')  # no fsync
        Chroot(folder).apt('clean')
        Chroot(folder).apt('update')
    return image(build, 'bare', make)


def with_tools(build):
    def make(folder):
        run('cp', '-a', f'{bare(build)}/.', folder)
        Chroot(folder).install(*TOOLS)
        Chroot(folder).apt('clean')
    return image(build, '-'.join(TOOLS), make)


@contextlib.contextmanager
def copy_of(system):
    """A chroot to change at will; it is deleted at the end."""
    check(os.geteuid() == 0, 'a chroot needs root: run this test as root')
    with tempfile.TemporaryDirectory(prefix='package-') as folder:
        root = Path(folder) / 'root'
        run('cp', '-a', system, root)
        shutil.copy('/etc/resolv.conf', root / 'etc/resolv.conf')
        yield Chroot(root)
