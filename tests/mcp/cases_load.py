"""Many chats at once whose models call tools, again and again."""
import json
import os
import threading
from pathlib import Path

from checks import check
from client import head
from play import HEAD, chat, chunk, event, local, test

LOOPS = 500
MANY = 100_000
STEPS = 3


def thinker(call):
    """A model that calls a tool in each step but the last."""
    said = [m for m in json.loads(call.body)['contents'] if m['role'] == 'model']
    tool_call = {'functionCall': {'name': 'local_echo', 'args': {'text': str(len(said))}}}
    part = {'text': 'Done'} if len(said) == STEPS - 1 else tool_call
    call.sock.sendall(HEAD + event(part, finishReason='STOP') + chunk(b''))


def cpu_seconds(f):
    fields = Path(f'/proc/{f.pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


@test
def a_client_with_very_many_tools_costs_little(f):
    tools = [{'name': f't{n}', 'inputSchema': {'type': 'object'}} for n in range(1000)]
    words = [word for tool in tools for word in ('--tool', json.dumps(tool))]
    f.begin(local('local', *words, location='backend'))
    f.ask(('local_echo', {}))       # it is connected
    f.calls = []
    messages = [{'role': 'user', 'parts': [{'type': 'text', 'text': 'Go'}]}]
    body = json.dumps({'messages': messages,
                       'toolSchemas': [{'name': f'x{n}'} for n in range(MANY)]})
    before = cpu_seconds(f)
    check(f.client(head(len(body)) + body.encode()).answer(60).status == 200, 'it gets no answer')
    check(cpu_seconds(f) - before < 1.5, f'it cost {cpu_seconds(f) - before:.1f} s')


@test
def five_hundred_loops_at_once_all_end_well(f):
    f.begin(local())
    f.ask(('local_echo', {}))       # it is connected
    all_wait = threading.Event()
    waiting = threading.Semaphore(0)

    def script(call):
        waiting.release()
        all_wait.wait(30)
        thinker(call)
    f.model.script = script
    before = f.resident_mib()
    clients = [f.client(chat('local_echo')) for _ in range(LOOPS)]
    for _ in clients:
        check(waiting.acquire(timeout=30), 'not all chats reach the model')
    grown = f.resident_mib() - before
    all_wait.set()
    for client in clients:
        answer = client.answer(60)
        check(answer.status == 200 and b'"delta":"Done"' in answer.body
              and b'"type":"error"' not in answer.body, answer.body[-500:])
        check(answer.body.count(b'tool-output-available') == STEPS - 1, answer.body)
    check(grown < LOOPS * 128 // 1024, f'{LOOPS} loops take {grown} MiB')      # 128 KiB each
