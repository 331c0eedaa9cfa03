"""Whom tools run for."""
import hashlib

from checks import check
from play import local, test

TOKEN = 'ghk_laptop'


@test
def a_caller_that_shows_no_token_is_offered_no_tool_where_that_is_wanted(f):
    f.begin(local(location='backend'), mcp={'anyone': False})
    check(f.ask_if_offered('local_echo', {'text': 'hi'}) is None, 'it is')
    check('tools' not in f.bodies[0], f.bodies[0])
    f.logged(mcp='no tools offered: the caller is not authenticated')


@test
def a_caller_that_shows_a_token_is_offered_tools(f):
    tokens = [{'name': 'laptop', 'sha256': hashlib.sha256(TOKEN.encode()).hexdigest()}]
    f.begin(local(), auth={'tokens': tokens}, mcp={'anyone': False})
    check(f.ask(('local_echo', {'text': 'hi'}),
                headers=[f'Authorization: Bearer {TOKEN}']) == ['hi'], 'it is not')
