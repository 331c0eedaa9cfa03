"""Calls that wait for the user."""
import json
import threading

from cases_results import begin
from checks import check
from play import test

RESULT = {'content': [{'type': 'text', 'text': 'done'}]}
CALL = ('given_give', {'result': RESULT, 'note': 'a secret'})
SETTINGS = {'approval': ['giv?']}


def calls(f):
    path = f.folder / 'journal'
    return len(path.read_text().splitlines()) if path.exists() else 0


def kinds(chunks):
    return [chunk['type'] for chunk in chunks if chunk['type'].startswith('tool-output')]


@test
def a_call_waits_for_the_user_and_runs_once(f):
    page = begin(f, **SETTINGS)
    asked = page.say('Go', CALL)
    check([c['type'] for c in asked][-3:] == ['tool-approval-request', 'finish-step', 'finish'],
          asked)
    check(asked[-1]['finishReason'] == 'tool-calls', asked[-1])
    check(calls(f) == 0, 'it ran unasked')

    page.decide(approved=True)
    sent = page.body()
    chunks = page.send()
    check([c['type'] for c in chunks][:3] == ['start', 'tool-output-available', 'start-step'],
          chunks)
    check(calls(f) == 1, 'it ran', calls(f), 'times')

    again = page.send(sent)
    check(kinds(again) == ['tool-output-error'] and again[-1]['type'] == 'finish', again)
    check(calls(f) == 1, 'it ran again')
    for outcome in ('asked', 'approved', 'refused'):
        f.logged(level='info', message='tool approval', outcome=outcome, server='given',
                 tool='give')
    check(f.count('a secret') == 0, 'the log has the arguments')


@test
def an_answer_sent_from_two_tabs_at_once_runs_one_call(f):
    page = begin(f, **SETTINGS)
    page.say('Go', CALL)
    page.decide(approved=True)
    sent, got = page.body(), []
    threads = [threading.Thread(target=lambda: got.extend(kinds(page.send(sent))))
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(sorted(got) == ['tool-output-available'] + ['tool-output-error'] * 3, got)
    check(calls(f) == 1, 'it ran', calls(f), 'times')


@test
def a_denied_call_does_not_run_and_the_model_reads_why(f):
    page = begin(f, **SETTINGS)
    page.say('Go', CALL)
    page.decide(approved=False, reason='not on Mondays')
    check(kinds(page.send()) == ['tool-output-denied'], 'it is not denied')
    check('not on Mondays' in json.dumps(f.bodies[-1]['contents'][-1]), f.bodies[-1]['contents'])
    check(calls(f) == 0, 'it ran')
    check(f.count('not on Mondays') == 0, 'the log has the reason')


@test
def a_question_can_be_answered_after_a_reload(f):
    page = begin(f, **SETTINGS)
    page.say('Go', CALL)
    f.gateway.signal('HUP')
    f.logged(message='reloaded')
    page.decide(approved=True)
    check(kinds(page.send()) == ['tool-output-available'], 'it is not taken')


@test
def a_client_that_cannot_ask_is_not_offered_the_tool(f):
    page = begin(f, **SETTINGS)
    page.accepts = []
    page.say('Go', ('given_also_give', {'result': RESULT}))
    names = [t['name'] for tool in f.bodies[0]['tools'] for t in tool['functionDeclarations']]
    check(names == ['given_also_give'], names)
    check(calls(f) == 1, 'the other does not run')
