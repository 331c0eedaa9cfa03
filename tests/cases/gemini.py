"""The scripted Gemini of the conformance kit, with the replies of one case."""
import json
import subprocess
import urllib.request
from pathlib import Path

# Members of a reply; the others beside `parts` and `finish` belong to its one event.
OF_REPLIES = ('to', 'unasked')
MOCK = Path(__file__).resolve().parent.parent / 'conformance' / 'mock-gemini.mjs'


def event(parts=None, finish='STOP', usage=None, candidate=(), **members):
    """One event of a response."""
    content = {'role': 'model'} if parts is None else {'role': 'model', 'parts': parts}
    ending = {} if finish is None else {'finishReason': finish}
    counts = {} if usage is None else {'usageMetadata': usage}
    return {'candidates': [{'content': content, **ending, **dict(candidate)}], **counts, **members}


def reply(short):
    """A reply of the mock, from the short form in cases (README.md)."""
    if isinstance(short, str):
        return {'chunks': [event([{'text': short}])]}
    if isinstance(short, list):
        return {'chunks': [event(short)]}
    if 'events' in short:
        return {**short, 'chunks': [event(**e) if {'parts', 'finish'} & e.keys() else e
                                    for e in short['events']]}
    if {'parts', 'finish'} & short.keys():
        own = {name: short[name] for name in OF_REPLIES if name in short}
        members = {name: value for name, value in short.items() if name not in own}
        return {**own, 'chunks': [event(**members)]}
    return {'kind': 'error', **short} if 'error' in short else short


class Gemini:
    def __init__(self, replies):
        self.replies = [reply(short) for short in replies]
        if self.replies:
            self.replies[-1]['repeat'] = True

    def __enter__(self):
        self.process = subprocess.Popen(['node', MOCK, '--port', '0'],
                                        stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        self.control = self.url.removesuffix('/v1beta') + '/__control/'
        body = json.dumps({'name': 'case', 'upstream': self.replies}).encode()
        urllib.request.urlopen(urllib.request.Request(self.control + 'scenario', body)).close()
        return self

    def requests(self):
        with urllib.request.urlopen(self.control + 'requests') as response:
            seen = json.load(response)['requests']
        # Parsed here: JavaScript would round its numbers.
        return [{**request, 'body': json.loads(request['raw']), 'refused': request['violations']}
                for request in seen]

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
