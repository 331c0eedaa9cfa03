"""What the commands that do not serve report to people and programs."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

GATEHOUSE = pathlib.Path(sys.argv[1]).resolve()
INSTALLED = GATEHOUSE.parents[1] / 'lib/gatehouse/plugins'


def gatehouse(*arguments, folder=None):
    return subprocess.run([GATEHOUSE, *arguments], text=True, stdin=subprocess.DEVNULL,
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

    # A problem is in the file in which it stands.
    (folder / 'conf.d').mkdir()
    (folder / 'conf.d/1.yaml').write_text('pipeline: [{throttler: {limit: x}, before: chat}]\n')
    status, report = check_json(folder,
                                f'include: conf.d/*.yaml\npipeline: [chat, {simulator}]\n')
    [problem] = report['problems']
    place = problem['file'], problem['line'], problem['column']
    assert status == 1 and place == ('conf.d/1.yaml', 1, 32), report

    # A folder in which every user may put a plugin.
    (folder / 'plugins').mkdir()
    shutil.copy(INSTALLED / 'health.so', folder / 'plugins')
    os.chmod(folder / 'plugins', 0o777)
    status, report = check_json(folder, 'plugins_dir: plugins\npipeline: [health]\n')
    assert status == 1 and 'is writable by everybody' in report['problems'][0]['text'], report

    listed = gatehouse('plugin', 'list', str(folder))
    assert listed.returncode == 0 and 'there are no plugins in' in listed.stderr, listed

    # A plugin whose author has misspelt a keyword of its schema.
    code = (INSTALLED / 'retry.so').read_bytes()
    (folder / 'retry.so').write_bytes(
        code.replace(b'"additionalProperties"', b'"additionalPropertyes"'))
    fault = ('/additionalPropertyes: is not a keyword of JSON Schema draft 7: '
             'did you mean `additionalProperties`?')
    status, printed = check_json(folder, 'pipeline: [{retry: {}, path: retry.so}]\n')
    texts = [problem['text'] for problem in printed['problems']]
    assert status == 1 and 'the schema of `retry` is invalid: ' + fault in texts, printed
    for command in (['plugin', 'inspect', './retry.so'], ['reference', './retry.so']):
        refused = gatehouse(*command, folder=folder)
        assert refused.returncode == 1, refused
        assert 'retry.so has an invalid schema: ' + fault in refused.stderr, refused

with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    (folder / 'url').write_text('https://secret.example')
    (folder / 'conf.d').mkdir()
    (folder / 'conf.d/log.yaml').write_text('log: {level: warn}\n')
    (folder / 'config.yaml').write_text('''
include: conf.d/*.yaml
admin: {token: secret-of-the-operator}
store: redis://:secret-of-redis@127.0.0.1
upstream: {proxy: "http://ann:secret-of-the-proxy@proxy"}
pipeline:
  - cors: {}
    enabled: false
  - chat
  - gemini: {api_key: secret-in-the-file, base_url: {file: url}}
    as: model
''')
    dumped = gatehouse('check', '--dump', 'config.yaml', folder=folder)
    assert dumped.returncode == 0 and 'secret' not in dumped.stdout, dumped
    used = json.loads(dumped.stdout)
    assert used['log'] == {'level': 'warn'} and 'include' not in used, used
    assert used['server']['max_body'] == '32MiB' and used['admin']['token'] == '***', used
    assert used['store']['url'] == '***' and used['upstream']['proxy'] == '***', used
    chat, model = used['pipeline']
    assert chat['chat']['default_model'], chat
    assert model['as'] == 'model' and model['gemini']['api_key'] == '***', model
    assert model['gemini']['base_url'] == '***', model

    (folder / 'config.yaml').write_text('pipeline: [chta]\n')
    dumped = gatehouse('check', '--dump', 'config.yaml', folder=folder)
    assert dumped.returncode == 1 and dumped.stdout == '', dumped
    assert 'did you mean `chat`?' in dumped.stderr, dumped

for command in ('serve', 'check', 'status', 'reload', 'healthcheck'):
    missing = gatehouse(command)
    assert missing.returncode == 1, missing
    assert '/etc/gatehouse/gatehouse.yaml: No such file or directory' in missing.stderr, missing

unknown = gatehouse('chek', 'config.yaml')
assert unknown.returncode != 0, unknown
assert unknown.stderr == 'gatehouse: unknown command `chek`: did you mean `check`?\n', unknown
unknown = gatehouse('plugin', 'liste')
assert unknown.stderr == 'gatehouse: unknown command `liste`: did you mean `list`?\n', unknown
unknown = gatehouse('restart')
assert unknown.stderr.startswith('gatehouse: unknown command `restart`: expected one of serve, ')

inspected = gatehouse('plugin', 'inspect', 'mcp')
assert inspected.returncode == 0, inspected
assert re.search(r'^  servers\[\]\.name \(string: .*, required\)$', inspected.stdout,
                 re.M), inspected
assert '\n  max_steps (integer, 1 to 100, default 20)\n' in inspected.stdout, inspected

printed = gatehouse('reference', 'gateway', 'retry')
assert printed.returncode == 0, printed
assert printed.stdout.startswith(
    '## gateway\n\n| Key | Description | Type | Default |\n|---|---|---|---|\n'), printed
assert '\n| `server.listen` | ' in printed.stdout and '\n\n## retry\n\n' in printed.stdout, printed
assert re.search(r'^\| `attempts` \| .* \| integer, 1 to 10 \| `3` \|$', printed.stdout,
                 re.M), printed
refused = gatehouse('reference', 'nothing')
assert refused.returncode == 1 and refused.stdout == '', refused
assert '/nothing.so cannot be read' in refused.stderr, refused
