#!/usr/bin/env python3
"""An MCP server over stdio with one tool.

Its environment has the name of the tool (TOOL) and what it returns: a screenshot of SIZE bytes, a
failure (ERROR), structured content with a reference (SCHEMA), or with a key that clients reject
(HOSTILE).
"""
import json
import os
import sys

TOOL = {'name': os.environ.get('TOOL', 'screenshot'), 'description': 'takes a picture of the page',
        'inputSchema': {'type': 'object', 'properties': {}}}


def text(words):
    return {'type': 'text', 'text': words}


def result():
    if words := os.environ.get('ERROR'):
        return {'content': [text(words)], 'isError': True}
    if 'SCHEMA' in os.environ:
        structured = {'schema': {'$ref': '#/$defs/Pet'}, '$defs': {'Pet': {'type': 'object'}}}
        return {'content': [text(json.dumps(structured))], 'structuredContent': structured}
    if 'HOSTILE' in os.environ:
        return {'content': [text('see structuredContent')],
                'structuredContent': {'__proto__': {'admin': True}}}
    picture = 'iVBOR' + 'A' * int(os.environ.get('SIZE', '900000'))
    image = {'type': 'image', 'data': picture, 'mimeType': 'image/png'}
    return {'content': [text('Took the screenshot'), image]}


def result_of(method, params):
    if method == 'initialize':
        return {'protocolVersion': params['protocolVersion'], 'capabilities': {'tools': {}},
                'serverInfo': {'name': 'shot', 'version': '1'}}
    return {'tools/list': {'tools': [TOOL]}, 'tools/call': result()}.get(method, {})


for line in sys.stdin:
    message = json.loads(line)
    if 'id' not in message:
        continue
    if message['method'] == 'server/discover':
        reply = {'error': {'code': -32601, 'message': 'Method not found'}}
    else:
        reply = {'result': result_of(message['method'], message.get('params'))}
    print(json.dumps({'jsonrpc': '2.0', 'id': message['id'], **reply}), flush=True)
