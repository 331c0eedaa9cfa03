"""One request of a client over plain HTTP, and its response."""
import http.client
import json
import time

EXTENSION = 'abcdefghijklmnopabcdefghijklmnop'
ANSWER_SECONDS = 60


def user(text):
    return {'id': 'u', 'role': 'user', 'parts': [{'type': 'text', 'text': text}]}


def body_of(request):
    """`raw` as it is; else `body`, with `say` and `tools` written out."""
    if 'raw' in request:
        return request['raw'].encode('utf-8', 'surrogatepass')
    body = dict(request.get('body', {}))
    if 'say' in request:
        body['messages'] = [user(request['say'])]
    if 'tools' in request:
        body['toolSchemas'] = [{'name': name, 'description': name, 'inputSchema': schema}
                               for name, schema in request['tools'].items()]
    return json.dumps(body).encode() if body else None


def read(response, leave_at):
    """The text of a response as far as it was received, or up to `leave_at`: the client leaves."""
    data = b''
    try:
        while piece := response.read1(65536):
            data += piece
            if leave_at and leave_at.encode() in data:
                break
    except (http.client.IncompleteRead, ConnectionError) as error:
        data += getattr(error, 'partial', b'') + b'<cut>'
    return data.decode('utf-8', 'replace')


def chunks_of(text):
    for block in text.split('\n\n'):
        if block.startswith('data: ') and block != 'data: [DONE]':
            try:
                yield json.loads(block.removeprefix('data: '))
            except ValueError:
                yield {'type': 'unparsable', 'raw': block}


def ask(address, request):
    connection = http.client.HTTPConnection(address, timeout=ANSWER_SECONDS)
    headers = {'Content-Type': 'application/json', 'X-Extension-ID': EXTENSION,
               **request.get('headers', {})}
    began = time.monotonic()
    connection.request(request.get('method', 'POST'), request.get('path', '/api/chat'),
                       body_of(request), headers)
    response = connection.getresponse()
    text = read(response, request.get('leave_at'))
    connection.close()
    time.sleep(request.get('then_wait_s', 0))
    chunks = list(chunks_of(text))
    finish = next((chunk for chunk in chunks if chunk['type'] == 'finish'), {})
    return {'status': response.status,
            'headers': {name.lower(): value for name, value in response.getheaders()},
            'raw': text, 'chunks': chunks, 'kinds': [chunk['type'] for chunk in chunks],
            'text': ''.join(chunk['delta'] for chunk in chunks if chunk['type'] == 'text-delta'),
            'finish': finish.get('finishReason'), 'meta': finish.get('messageMetadata'),
            'error': any(chunk['type'] == 'error' for chunk in chunks),
            'seconds': time.monotonic() - began}
