"""The manual page and the completion of the shell know every command."""
import os
import re

from fixture import ROOT, check, run, test

COMPLETE = '''
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_gatehouse
echo "${COMPREPLY[*]}"
'''


def commands(program, *parents):
    """All commands of the program, as the words behind its name."""
    _, _, listed = run(program, *parents, '--help').partition('Subcommands:')
    names = re.findall(r'^  ([a-z-]+)', listed, re.M)
    if not names:
        yield ' '.join(parents)
    for name in names:
        yield from commands(program, *parents, name)


@test
def the_manual_has_every_command(build):
    page = (ROOT / 'packaging/gatehouse.1').read_text()
    described = set(re.findall(r'^\.It Cm ((?:[a-z-]+ ?)+)', page, re.M))
    described = {words.strip() for words in described}
    existing = set(commands(build / 'bin/gatehouse'))
    check(described == existing, 'only in the manual:', described - existing,
          'only in the program:', existing - described)
    wrong = [line for line in run('sh', '-c', f'mandoc -T lint "{ROOT}/packaging/gatehouse.1" || :')
             .splitlines() if 'mandoc.db' not in line]
    check(not wrong, *wrong)


def completed(build, *words):
    environment = {**os.environ, 'PATH': f'{build}/bin:{os.environ["PATH"]}'}
    return run('bash', '-c', COMPLETE, 'bash', ROOT / 'packaging/gatehouse.bash-completion',
               'gatehouse', *words, env=environment).split()


@test
def the_shell_completes_commands_and_options(build):
    check(completed(build, 'che') == ['check'], completed(build, 'che'))
    check(completed(build, 'key', '') == ['--help', 'new'], completed(build, 'key', ''))
    check(completed(build, 'token', '') == ['--help', 'new'], completed(build, 'token', ''))
    check(completed(build, 'check', '--j') == ['--json'], completed(build, 'check', '--j'))
    check(completed(build, 'check', 'gatehouse.y') == [], completed(build, 'check', 'gatehouse.y'))
