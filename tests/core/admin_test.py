"""`gatehouse admin` sends a request to an admin route of a plugin, without a running gateway."""
import json
import pathlib
import subprocess
import sys
import tempfile

SERVER = pathlib.Path(__file__).parent.parent / 'mcp/server.py'
TOOL = json.dumps({'name': '\x9b31m', 'inputSchema': {'type': 'object'}})    # \x9b begins a colour
CONFIG = {
    'pipeline': [
        'chat',
        'cache',
        {'mcp': {'servers': [
            {'name': 'scripted', 'command': [sys.executable, str(SERVER), '--tool', TOOL]}]}},
        {'simulator': {'intended': True}},
    ]
}

with tempfile.TemporaryDirectory() as folder:
    config = pathlib.Path(folder, 'config.yaml')
    config.write_text(json.dumps(CONFIG))

    def admin(*arguments):
        return subprocess.run([sys.argv[1], 'admin', str(config), *arguments], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60)

    done = admin('GET', '/mcp/servers')
    assert done.returncode == 0 and done.stderr == '', done
    [server] = json.loads(done.stdout)
    assert server['state'] == 'up', server
    assert any(tool['name'] == '\x9b31m' for tool in server['tools']), server
    assert done.stdout.isascii() and '\\u009b31m' in done.stdout, 'the terminal would obey it'
    assert done.stdout.startswith('[\n  {\n    "'), 'it is not indented'

    # A query, and a failure that the plugin reports.
    done = admin('GET', f'/cache/entries?key={64 * "0"}')
    assert done.returncode == 1 and done.stdout == '', done
    assert done.stderr.startswith('gatehouse: 404 not_found: '), done
    done = admin('GET', '/cache/entries')
    assert done.returncode == 1 and done.stderr.startswith('gatehouse: 400 '), done

    # A body.
    put = 'PUT', f'/cache/entries?key={64 * "0"}'
    entry = {'events': [{'kind': 'text', 'text': 'Hi'}, {'kind': 'step-finish', 'name': 'stop'}]}
    done = admin(*put, '--body', json.dumps(entry))
    assert done.returncode == 0, done
    done = admin(*put, '--body', '{')
    assert done.returncode == 1 and '400 invalid_json' in done.stderr, done

    done = admin('GET', '/cache/statistic')
    assert done.returncode == 1 and done.stdout == '', done
    assert done.stderr.startswith('gatehouse: unknown admin route GET /cache/statistic; '), done
    routes = done.stderr.splitlines()[1:]
    assert '  GET /mcp/servers  Show MCP servers and their tools' in routes, done

    config.write_text(json.dumps({'pipeline': ['health']}))
    done = admin('GET', '/mcp/servers')
    assert 'no plugin of this configuration has admin routes' in done.stderr, done

    config.write_text('pipeline: [helth]')
    done = admin('GET', '/mcp/servers')
    assert done.returncode == 1 and 'did you mean `health`?' in done.stderr, done
