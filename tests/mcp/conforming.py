#!/usr/bin/env python3
"""The client for the conformance suite: a gateway whose model calls each tool of a server once.

    conforming.py GATEHOUSE URL

The suite may set the arguments of calls in MCP_CONFORMANCE_CONTEXT.
"""
import json
import os
import sys

from play import Play
from cases_admin import ADMIN, ask
from checks import Wrong, check

NUMBERS = {'a': 5, 'b': 3}      # of the tool that adds


def arguments(tool, tools, context):
    for call in context.get('toolCalls', []):
        if call['name'] == tool['name']:
            return call['arguments']
    if tool['name'] == 'json_schema_echo':
        return {'schema': next(other['input_schema'] for other in tools
                               if other['name'] == 'json_schema_2020_12_tool')}
    return NUMBERS


def play(f, url, context):
    f.begin({'name': 'suite', 'url': url, 'location': 'backend', 'elicitation': 'defaults',
             'call_timeout': '8s'}, admin=ADMIN)
    [server] = json.loads(ask(f, '/mcp/servers').body)
    check(server['state'] == 'up', server)
    tools = [tool for tool in server['tools'] if 'offered_as' in tool]
    for tool in tools:
        f.ask((tool['offered_as'], arguments(tool, tools, context)))


if __name__ == '__main__':
    with Play(sys.argv[1]) as played:
        try:
            play(played, sys.argv[-1], json.loads(os.environ.get('MCP_CONFORMANCE_CONTEXT', '{}')))
        except Wrong as e:
            sys.exit(str(e))
