"""Clients that stream chats, one after the other, until they are told to stop."""
import http.client
import json
import threading
import uuid

WORDS = 'one two three four five six seven eight nine ten'
HEADERS = {'Content-Type': 'application/json',
           'X-Extension-ID': 'abcdefghijklmnopabcdefghijklmnop'}


def body(text):
    parts = [{'type': 'text', 'text': text}]
    return json.dumps({'messages': [{'id': '1', 'role': 'user', 'parts': parts}]})


def chat(address):
    """What is wrong with the response; None: it is complete."""
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        # No two alike, so that no response comes from the cache.
        connection.request('POST', '/api/chat', body(f'{uuid.uuid4()} {WORDS}'), HEADERS)
        response = connection.getresponse()
        text = response.read().decode()
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()
    whole = text.endswith('data: [DONE]\n\n') and '"type":"finish"' in text
    if response.status != 200 or not whole or '"type":"error"' in text or 'ten' not in text:
        return f'{response.status}: {text[-300:]}'
    return None


class Load:
    """As a context: within it the clients run. Afterwards `count` and `wrong` tell how it went."""
    def __init__(self, address, clients=8):
        self.address, self.count, self.wrong = address, 0, []
        self.stopped, self.lock = threading.Event(), threading.Lock()
        self.threads = [threading.Thread(target=self.repeat) for _ in range(clients)]

    def repeat(self):
        while not self.stopped.is_set():
            wrong = chat(self.address)
            with self.lock:
                self.count += 1
                if wrong:
                    self.wrong.append(wrong)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()
