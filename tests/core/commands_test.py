"""What the commands that do not serve print for people and programs."""
import json
import os
import pathlib
import re
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
    status, printed = check_json(
        folder, 'pipeline: [chat, throttler, {simulator: {intended: true}}]\n')
    assert status == 0 and printed['ok'] and printed['problems'] == [], printed
    assert printed['pipeline'] == 'chat → throttler → simulator', printed
    [warning] = printed['warnings']
    assert warning['file'] == 'config.yaml', printed
    assert (warning['line'], warning['column']) == (1, 18), printed
    assert warning['text'].startswith('`throttler` sees chats too late'), printed

    status, printed = check_json(
        folder, 'pipeline: [{chat: {temperature: warm, max_output_tokens: many}}]\n')
    assert status == 1 and not printed['ok'] and 'pipeline' not in printed, printed
    assert [problem['column'] for problem in printed['problems']] == [33, 58], printed

    models = ', '.join(f'm{i}' for i in range(60_000))
    status, printed = check_json(
        folder, f'pipeline: [{{chat: {{models: [{models}], default_model: m1}}}}, '
                '{simulator: {intended: true}}]\n')
    assert status == 0, str(printed)[:1000]

    # A folder in which everybody may put a plugin.
    (folder / 'plugins').mkdir()
    os.chmod(folder / 'plugins', 0o777)
    status, printed = check_json(folder, 'plugins_dir: plugins\npipeline: [x]\n')
    assert 'can be changed by everybody' in printed['warnings'][0]['text'], printed

    listed = gatehouse('plugins', 'list', str(folder))
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
    for command in (['plugins', 'inspect', './retry.so'], ['reference', './retry.so']):
        refused = gatehouse(*command, folder=folder)
        assert refused.returncode == 1, refused
        assert 'retry.so has an invalid schema: ' + fault in refused.stderr, refused

refused = gatehouse('chek', 'config.yaml')
assert refused.returncode != 0, refused
assert refused.stderr == 'gatehouse: there is no command `chek`: did you mean `check`?\n', refused
refused = gatehouse('plugins', 'liste')
assert refused.stderr == 'gatehouse: there is no command `liste`: did you mean `list`?\n', refused
refused = gatehouse('restart')
assert refused.stderr == ('gatehouse: there is no command `restart`: '
                          'serve, check, plugins, reference, mcp, token\n'), refused

inspected = gatehouse('plugins', 'inspect', 'mcp')
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
