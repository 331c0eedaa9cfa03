"""What the model and the client get of a result."""
import json
import sys

from checks import check
from page import Page
from play import HERE, test

PICTURE = ('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk'
           '+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==')


def begin(f, **settings):
    """A page that announces the tools of the server `given`."""
    f.begin({'name': 'given',
             'command': [sys.executable, str(HERE / 'given.py'), str(f.folder / 'journal')],
             **settings})
    return Page(f, 'given_give', 'given_also_give')


def result_of(chunks):
    return next(c['output'] for c in chunks if c['type'] == 'tool-output-available')


@test
def an_image_is_no_text_to_the_model_now_and_later(f):
    page = begin(f)
    result = {'content': [{'type': 'text', 'text': 'a page'},
                          {'type': 'image', 'mimeType': 'image/png', 'data': PICTURE}]}
    chunks = page.say('Go', ('given_give', {'result': result}))
    check(result_of(chunks) == result, 'the client got', result_of(chunks))
    page.say('And now?')
    for body in f.bodies[1:]:
        # Once in the arguments of the call, which are this test's.
        parts = [part for content in body['contents'] for part in content['parts']
                 if 'functionCall' not in part]
        texts = [part['functionResponse']['response'] for part in parts
                 if 'functionResponse' in part]
        check(len(texts) == 1 and PICTURE not in json.dumps(texts), 'as text:', texts)
        check(json.dumps(parts).count(PICTURE) == 1, 'the image is not there once:', parts)


@test
def what_a_server_gives_twice_the_model_gets_once(f):
    page = begin(f)
    rows = {'rows': ['only once']}
    both = {'content': [{'type': 'text', 'text': json.dumps(rows)}], 'structuredContent': rows}
    chunks = page.say('Go', ('given_give', {'result': both}),
                      ('given_also_give', {'result': {'content': [], 'structuredContent': rows}}))
    check(both in [c.get('output') for c in chunks], 'the client got', chunks)
    responses = json.dumps([part for part in f.bodies[1]['contents'][-1]['parts']
                            if 'functionResponse' in part])
    check(responses.count('only once') == 2, responses)
