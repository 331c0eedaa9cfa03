#!/usr/bin/env python3
"""An MCP server over stdio that misbehaves as its tools and options say.

    server.py [--journal FILE] [--stubborn] [--silent METHOD] [--slow SECONDS] [--restless]
              [--tool JSON] [--arguments …]

FILE gets a line for each message received. JSON, valid or not, is listed as a tool as well. A
restless server reports with each list that it has changed. A stubborn server ends neither with its
input nor at SIGTERM. A silent one responds to METHOD once, a slow one starts after SECONDS.
"""
import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument('--journal', default=os.devnull)
parser.add_argument('--stubborn', action='store_true')
parser.add_argument('--silent')
parser.add_argument('--slow', type=float, default=0)
parser.add_argument('--restless', action='store_true')
parser.add_argument('--tool', action='append', default=[])
parser.add_argument('--arguments', nargs='*', default=[])
args = parser.parse_args()
writing = threading.Lock()
tools = ['echo', 'arguments', 'environment', 'pid', 'sleep', 'exit', 'kill', 'garbage',
         'long_line', 'flood', 'big', 'twice', 'change', 'unreadable',
         'progress', 'helper', 'limit', 'folder', 'names_twice']


def write(text):
    with writing:
        sys.stdout.write(text)
        sys.stdout.flush()


def send(message):
    write(json.dumps({'jsonrpc': '2.0', **message}) + '\n')


def flood():
    while True:
        sys.stderr.write('e' * (1 << 20) + '\n')


def run(name, told, identity, token):
    """The text of the result."""
    if name == 'echo':
        return told.get('text', '')
    if name == 'arguments':
        return json.dumps(args.arguments)
    if name == 'environment':
        return json.dumps(dict(os.environ))
    if name == 'pid':
        return str(os.getpid())
    if name == 'sleep':
        time.sleep(told['seconds'])
    if name == 'exit':
        os._exit(7)
    if name == 'kill':
        os.kill(os.getpid(), signal.SIGKILL)
    if name == 'garbage':
        with writing:
            sys.stdout.buffer.write(
                b'hello\n{"half\n[1]\n\xff\xfe\n{"jsonrpc":"2.0","id":999999,"result":{}}\n')
            sys.stdout.buffer.flush()
    if name == 'long_line':
        write('x' * (100 << 20) + '\n')
    if name == 'flood':
        threading.Thread(target=flood, daemon=True).start()
        time.sleep(0.5)
    if name == 'big':
        return 'b' * told['bytes']
    if name == 'unreadable':
        write(f'{{"jsonrpc":"2.0","id":{identity},"result":{{"content":[],"x":NaN}}}}\n')
    if name == 'names_twice':
        item = '{"type":"text","text":"first","text":"last"}'
        write(f'{{"jsonrpc":"2.0","id":{identity},"result":{{"content":[{item}]}}}}\n')
    if name == 'helper':    # whose parent has ended
        return subprocess.run(['sh', '-c', f'sleep {told["seconds"]} >/dev/null & echo $!'],
                              stdout=subprocess.PIPE, text=True).stdout
    if name == 'limit':
        return str(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    if name == 'folder':
        return os.getcwd()
    if name == 'progress':
        for step in range(told['steps']):
            time.sleep(0.5)
            send({'method': 'notifications/progress',
                  'params': {'progressToken': token, 'progress': step}})
    if name == 'change':
        tools.append('late')
        send({'method': 'notifications/tools/list_changed'})
    return name


def call(message):
    params = message['params']
    token = params['_meta']['progressToken']
    answer = {'id': message['id'],
              'result': {'content': [{'type': 'text',
                                      'text': run(params['name'], params['arguments'],
                                                  message['id'], token)}]}}
    send(answer)
    if params['name'] == 'twice':
        send({**answer, 'result': {'content': []}})


seen = set()
time.sleep(args.slow)
if args.stubborn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open(args.journal, 'a', encoding='utf-8') as journal:
    for line in sys.stdin:
        journal.write(line)
        journal.flush()
        message = json.loads(line)
        if message['method'] == args.silent and args.silent in seen:
            continue
        seen.add(message['method'])
        if message['method'] == 'server/discover':
            send({'id': message['id'], 'error': {'code': -32601, 'message': 'Method not found'}})
        if message['method'] == 'initialize':
            send({'id': message['id'],
                  'result': {'protocolVersion': '2025-11-25',
                             'capabilities': {'tools': {'listChanged': True}},
                             'serverInfo': {'name': 'scripted', 'version': '1'}}})
        if message['method'] == 'tools/list':
            listed = [json.dumps({'name': name, 'inputSchema': {'type': 'object'}})
                      for name in tools] + args.tool
            result = f'{{"tools":[{",".join(listed)}]}}'
            write(f'{{"jsonrpc":"2.0","id":{message["id"]},"result":{result}}}\n')
            if args.restless:
                send({'method': 'notifications/tools/list_changed'})
        if message['method'] == 'tools/call':
            threading.Thread(target=call, args=(message,), daemon=True).start()
while args.stubborn:
    time.sleep(1)
