"""What the commands that do not serve tell people and programs."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile


def gatehouse(*arguments, folder=None):
    return subprocess.run([sys.argv[1], *arguments], text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, cwd=folder)


def check_json(folder, text):
    (folder / 'config.yaml').write_text(text)
    done = gatehouse('check', '--json', 'config.yaml', folder=folder)
    assert done.stderr == '', done.stderr
    return done.returncode, json.loads(done.stdout)


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    status, told = check_json(folder, 'pipeline: [chat, throttler, {simulator: {intended: true}}]\n')
    assert status == 0 and told['ok'] and told['pipeline'] == 'chat → throttler → simulator' and told['problems'] == [], told
    [warning] = told['warnings']
    assert warning['file'] == 'config.yaml' and (warning['line'], warning['column']) == (1, 18), told
    assert warning['text'].startswith('`throttler` meets chats too late'), told

    status, told = check_json(folder, 'pipeline: [{chat: {temperature: warm, max_output_tokens: many}}]\n')
    assert status == 1 and not told['ok'] and 'pipeline' not in told, told
    assert [problem['column'] for problem in told['problems']] == [33, 58], told

    models = ', '.join(f'm{i}' for i in range(60_000))
    status, told = check_json(folder, f'pipeline: [{{chat: {{models: [{models}], default_model: m1}}}}, {{simulator: {{intended: true}}}}]\n')
    assert status == 0, str(told)[:1000]

    # A folder in which everybody may put a plugin.
    (folder / 'plugins').mkdir()
    os.chmod(folder / 'plugins', 0o777)
    status, told = check_json(folder, 'plugins_dir: plugins\npipeline: [x]\n')
    assert 'can be changed by everybody' in told['warnings'][0]['text'], told

    listed = gatehouse('plugins', 'list', str(folder))
    assert listed.returncode == 0 and 'there are no plugins in' in listed.stderr, listed

told = gatehouse('chek', 'config.yaml')
assert told.returncode != 0 and told.stderr == 'gatehouse: there is no command `chek`: did you mean `check`?\n', told
told = gatehouse('plugins', 'liste')
assert told.stderr == 'gatehouse: there is no command `liste`: did you mean `list`?\n', told
told = gatehouse('restart')
assert told.stderr == 'gatehouse: there is no command `restart`: serve, check, plugins, mcp, token\n', told

told = gatehouse('plugins', 'inspect', 'mcp')
assert told.returncode == 0 and '\n  servers[].name ("string", required)\n' in told.stdout, told
