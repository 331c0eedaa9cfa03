#!/usr/bin/env python3
"""Runs a command under the filters of a systemd unit, without systemd.

    sandbox.py UNIT COMMAND...

SystemCallFilter= and RestrictAddressFamilies=, as systemd applies them (systemd.exec(5)), with
SystemCallErrorNumber=EPERM, and no capabilities.
"""
import ctypes
import errno
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

ALLOW, ERRNO = 0x7fff0000, 0x00050000   # SCMP_ACT_* of libseccomp
EQUAL = 4                               # SCMP_CMP_EQ
FAMILIES = 46                           # AF_MAX of Linux 6.1
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38

seccomp = ctypes.CDLL('libseccomp.so.2', use_errno=True)
libc = ctypes.CDLL(None, use_errno=True)


class Comparison(ctypes.Structure):
    _fields_ = [('argument', ctypes.c_uint), ('operator', ctypes.c_int),
                ('value', ctypes.c_uint64), ('unused', ctypes.c_uint64)]


def settings(unit, key):
    return re.findall(rf'^{key}=(.+)$', Path(unit).read_text(), re.M)


def expand(name):
    """The system calls of a set such as @file-system."""
    if not name.startswith('@'):
        return {name}
    shown = subprocess.run(['systemd-analyze', 'syscall-filter', name], capture_output=True,
                           text=True, check=True).stdout
    members = [line.strip() for line in shown.splitlines()[1:]]
    return set().union(*(expand(m) for m in members if m and not m.startswith('#')))


def allowed(unit):
    calls = set()
    for value in settings(unit, 'SystemCallFilter'):
        names = set().union(*map(expand, value.removeprefix('~').split()))
        calls = calls - names if value.startswith('~') else calls | names | expand('@default')
    return calls


def check(result, what):
    if result != 0:
        raise OSError(-result, f'{what}: {os.strerror(-result)}')


def load(unit):
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ERRNO | errno.EPERM))
    numbers = {name: seccomp.seccomp_syscall_resolve_name(name.encode()) for name in allowed(unit)}
    [families] = settings(unit, 'RestrictAddressFamilies')
    families = {int(getattr(socket, name)) for name in families.split()}
    for name, number in numbers.items():
        if number >= 0 and name != 'socket':
            check(seccomp.seccomp_rule_add(context, ALLOW, number, 0), name)
    for family in range(FAMILIES):
        action = ALLOW if family in families else ERRNO | errno.EAFNOSUPPORT
        is_its = Comparison(0, EQUAL, family, 0)
        check(seccomp.seccomp_rule_add(context, action, numbers['socket'], 1, is_its), family)
    check(seccomp.seccomp_load(context), 'seccomp_load')


def main(unit, *command):
    last = int(Path('/proc/sys/kernel/cap_last_cap').read_text())
    for capability in range(last + 1):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    load(unit)
    os.execv(command[0], command)


if __name__ == '__main__':
    main(*sys.argv[1:])
