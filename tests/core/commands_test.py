"""What the commands that do not serve report to people and programs."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile


def gatehouse(*arguments, folder=None):
    return subprocess.run([sys.argv[1], *arguments], text=True, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60, cwd=folder)


def check_json(folder, text):
    (folder / 'config.yaml').write_text(text)
    done = gatehouse('check', '--json', 'config.yaml', folder=folder)
    assert done.stderr == '', done.stderr
    return done.returncode, json.loads(done.stdout)


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    simulator = '{simulator: {intended: true}}'
    status, report = check_json(folder, f'pipeline: [chat, throttler, {simulator}]\n')
    assert status == 0 and report['ok'] and report['problems'] == [], report
    assert report['pipeline'] == 'chat → throttler → simulator', report
    [warning] = report['warnings']
    place = warning['file'], warning['line'], warning['column']
    assert place == ('config.yaml', 1, 18), report
    assert warning['text'].startswith('`throttler` '), report

    settings = '{temperature: warm, max_output_tokens: many}'
    status, report = check_json(folder, f'pipeline: [{{chat: {settings}}}]\n')
    assert status == 1 and not report['ok'] and 'pipeline' not in report, report
    assert [problem['column'] for problem in report['problems']] == [33, 58], report

    models = ', '.join(f'm{i}' for i in range(60_000))
    chat = f'{{chat: {{models: [{models}], default_model: m1}}}}'
    status, report = check_json(folder, f'pipeline: [{chat}, {simulator}]\n')
    assert status == 0, str(report)[:1000]

    # A folder in which every user may put a plugin.
    (folder / 'plugins').mkdir()
    os.chmod(folder / 'plugins', 0o777)
    status, report = check_json(folder, 'plugins_dir: plugins\npipeline: [x]\n')
    assert 'the folder of plugins' in report['warnings'][0]['text'], report

    listed = gatehouse('plugins', 'list', str(folder))
    assert listed.returncode == 0 and 'there are no plugins in' in listed.stderr, listed

unknown = gatehouse('chek', 'config.yaml')
assert unknown.returncode != 0, unknown
assert unknown.stderr == 'gatehouse: unknown command `chek`: did you mean `check`?\n', unknown
unknown = gatehouse('plugins', 'liste')
assert unknown.stderr == 'gatehouse: unknown command `liste`: did you mean `list`?\n', unknown
unknown = gatehouse('restart')
assert unknown.stderr.startswith('gatehouse: unknown command `restart`: expected one of serve, ')

inspected = gatehouse('plugins', 'inspect', 'mcp')
assert inspected.returncode == 0, inspected
assert '\n  servers[].name ("string", required)\n' in inspected.stdout, inspected
