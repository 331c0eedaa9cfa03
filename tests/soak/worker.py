#!/usr/bin/env python3
"""An MCP server over stdio with one tool, which works, is slow, hangs, says too much, or ends its server."""
import json
import random
import sys
import time

TOOL = {'name': 'work', 'inputSchema': {'type': 'object', 'properties': {'n': {'type': 'integer'}}}}


def result(method, params):
    if method == 'initialize':
        return {'protocolVersion': params['protocolVersion'], 'capabilities': {'tools': {}}, 'serverInfo': {'name': 'worker', 'version': '1'}}
    if method == 'tools/list':
        return {'tools': [TOOL]}
    chance = random.random()
    if chance < 0.02:
        sys.exit(1)
    if chance < 0.04:
        time.sleep(2)
    return {'content': [{'type': 'text', 'text': 'x' * random.choice([10, 1000, 300_000])}]}


for line in sys.stdin:
    message = json.loads(line)
    if 'id' not in message or 'method' not in message:
        continue
    known = message['method'] in ('initialize', 'tools/list', 'tools/call')
    answer = {'result': result(message['method'], message.get('params'))} if known else {'error': {'code': -32601, 'message': 'no'}}
    print(json.dumps({'jsonrpc': '2.0', 'id': message['id'], **answer}), flush=True)
