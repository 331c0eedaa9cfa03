#!/usr/bin/env python3
"""An MCP server over stdio whose tools `give` and `also_give` return the result they are given.

    given.py JOURNAL    gets a line for each call
"""
import json
import sys

TOOLS = [{'name': name, 'inputSchema': {'type': 'object'}} for name in ('give', 'also_give')]


def answer(message):
    if message['method'] == 'initialize':
        return {'protocolVersion': '2025-11-25', 'capabilities': {'tools': {}},
                'serverInfo': {'name': 'given', 'version': '1'}}
    return {'tools': TOOLS} if message['method'] == 'tools/list' else message['params'][
        'arguments']['result']


with open(sys.argv[1], 'a', encoding='utf-8') as journal:
    for line in sys.stdin:
        message = json.loads(line)
        if 'id' not in message or message.get('method') not in ('initialize', 'tools/list',
            'tools/call'):
            continue
        if message['method'] == 'tools/call':
            journal.write(line)
            journal.flush()
        print(json.dumps({'jsonrpc': '2.0', 'id': message['id'], 'result': answer(message)}),
              flush=True)
