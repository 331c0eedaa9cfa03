"""A page whose user talks to the model and decides about its calls, as with the AI SDK."""
import json

from client import head


class Page:
    def __init__(self, f, *tools):
        self.f, self.messages, self.accepts = f, [], ['tool-approval-request']
        self.schemas = [{'name': name, 'inputSchema': {'type': 'object'},
                         'mcp': {'serverName': 's', 'executionLocation': 'backend'}}
                         for name in tools]

    def say(self, text, *calls):
        """The response to this message, in which the model makes these calls: (name, arguments)."""
        self.f.calls = calls
        self.messages.append({'id': f'm{len(self.messages)}', 'role': 'user',
                              'parts': [{'type': 'text', 'text': text}]})
        return self.send()

    def decide(self, approved, **more):
        for part in self.messages[-1]['parts']:
            if part.get('state') == 'approval-requested':
                part.update(state='approval-responded',
                            approval={**part['approval'], 'approved': approved, **more})

    def body(self):
        return json.dumps({'messages': self.messages, 'toolSchemas': self.schemas,
                           'accepts': self.accepts}).encode()

    def send(self, body=None):
        """What the client gets for the messages, or for a body that it sent before."""
        sent = body or self.body()
        answer = self.f.client(head(len(sent)) + sent).answer(10.0)
        chunks = [json.loads(line[6:]) for line in answer.body.decode().split('\n\n')
                  if line.startswith('data: {')]
        if body is None:
            self.keep(chunks)
        return chunks

    def keep(self, chunks):
        if self.messages[-1]['role'] == 'user':
            self.messages.append({'id': f'm{len(self.messages)}', 'role': 'assistant', 'parts': []})
        parts = self.messages[-1]['parts']
        calls = {part['toolCallId']: part for part in parts if 'toolCallId' in part}
        for chunk in chunks:
            kind, call = chunk['type'], calls.get(chunk.get('toolCallId'))
            if kind == 'start-step':
                parts.append({'type': 'step-start'})
            if kind == 'text-delta':
                parts.append({'type': 'text', 'text': chunk['delta']})
            if kind == 'tool-input-available':
                parts.append({'type': 'dynamic-tool', 'toolName': chunk['toolName'],
                              'toolCallId': chunk['toolCallId'],
                              'state': 'input-available', 'input': chunk['input']})
                calls[chunk['toolCallId']] = parts[-1]
            if kind == 'tool-approval-request':
                call.update(state='approval-requested', approval={'id': chunk['approvalId']})
            if kind == 'tool-output-available':
                call.update(state='output-available', output=chunk['output'])
            if kind == 'tool-output-denied':
                call.update(state='output-denied')
