"""docs/operations.md has each log message at warn and error and each metric of the core, and none
that does not exist; a plugin's README has its metrics.

    operations_test.py REPOSITORY
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
LITERAL = r'"((?:[^"\\]|\\.)*)"'
LOUD = re.compile(r'(?:Level::k(?:Warn|Error)|\bGH_(?:WARN|ERROR)|'
                  r'\b\w*(?:log|host)\w*(?:->|\.)(?:warn|error)\()'
                  r'(?![^;]*\bcase\b)([^;]*);')
METRIC = re.compile(r'"((?:gatehouse|process|gen_ai_client)_[a-z_]+)"')


def code_of(folder):
    """The text of its sources; string literals that stand side by side are joined."""
    files = [f for f in sorted((root / folder).rglob('*'))
             if f.suffix in ('.cpp', '.h', '.hpp') and not re.search('_test|_testing|_fixture', f.stem)]
    text = '\n'.join(f.read_text() for f in files)
    text = re.sub(r'\s//.*', '', text)
    return re.sub(r'"\s*\n\s*"', '', text)


def messages(code):
    """The first text of each statement that logs at warn or error."""
    for statement in LOUD.findall(code):
        if texts := [t for t in re.findall(LITERAL, statement) if len(t) > 5]:
            yield texts[0].replace('\\n', ' ')


core = code_of('core')
folders = sorted(f.name for f in (root / 'plugins').iterdir() if f.is_dir())
plugins = {name: code_of(f'plugins/{name}') for name in folders}
toolkit = code_of('sdk/include/gatehouse/toolkit')   # what it logs, it logs as the plugin
guide = (root / 'docs/operations.md').read_text()
about_log = re.search(r'^## The log\n.*?(?=^## )', guide, re.M | re.S)[0]
wrong = []


def rows():
    """The messages of the tables, cut where they vary."""
    for row in re.findall(r'^\| (?:.*\| )?(?:warn|error) \| (.*?) \|', about_log, re.M):
        for _, message in re.findall(r'(`+)(.+?)\1', row):
            yield message.split('…')


def explains(parts, message):
    """The row is about this message: the whole of it, or one of its literals."""
    whole = '.*'.join(map(re.escape, parts))
    return message.strip() in map(str.strip, parts) or re.fullmatch(whole, message)


for where, code in [('core', core), ('the toolkit', toolkit), *plugins.items()]:
    for message in messages(code):
        if not any(explains(parts, message) for parts in rows()):
            wrong.append(f'docs/operations.md does not explain {message!r} of {where}')

everything = core + toolkit + ''.join(plugins.values())
for part in (part.strip() for parts in rows() for part in parts):
    if part.strip(' /,:') and part not in everything:
        wrong.append(f'docs/operations.md: no message has {part!r}')

described = re.search(r'^## Metrics of the core\n.*?(?=^## )', guide, re.M | re.S)[0]
named = set(re.findall(r'`((?:gatehouse|process)_[a-z_]+)', described))
for name in sorted(set(METRIC.findall(core)) ^ named):
    wrong.append(f'docs/operations.md and the core differ in the metric {name}')
for plugin, code in plugins.items():
    readme = (root / 'plugins' / plugin / 'README.md').read_text()
    for name in sorted(set(METRIC.findall(code))):
        if name not in readme:
            wrong.append(f'plugins/{plugin}/README.md does not have the metric {name}')

print('\n'.join(wrong) or 'docs/operations.md is complete')
sys.exit(bool(wrong))
