"""What is sent: the lanes, each one kind of traffic, and the chats."""
import dataclasses
import json


@dataclasses.dataclass
class Lane:
    name: str
    title: str
    mode: str = 'loop'          # of bench_load; memory: a loop, and the memory before and after it
    request: str = 'chat'       # what is sent: a key of Server.requests
    connections: int = 32
    size: int = 2000            # bytes of the chat, as a client of the AI SDK sends it
    events: int = 10            # of the response
    batch: int = 1              # events in one send of the upstream
    delay_us: int = 0           # before each event
    repeat: int = 1             # chats of each connection
    ramp: float = 0             # seconds over which the connections are opened
    rounds: int = 3
    fresh: bool = False         # start the server anew, so that its memory is due to this lane
    slow: tuple = ()            # targets left out, since they would take minutes

    def shape(self):
        """What /set of the upstream takes."""
        tool = int(self.request == 'tool')
        return f'events={self.events}&batch={self.batch}&delay_us={self.delay_us}&tool={tool}'


def open_streams(count, **lane):
    # An event each 500 ms for 10 s: all are open at once although they begin over 5 s.
    return Lane(f'open-{count}', f'{count:,} open streams, an event every 500 ms', 'streams',
                connections=count, events=20, delay_us=500_000, ramp=5, rounds=1, fresh=True,
                **lane)


LANES = [
    Lane('local', 'local response, GET /health, 32 connections', request='local'),
    Lane('latency', 'one client: 2 KB, 10 events', connections=1),
    Lane('chat-2k', '2 KB chat, 10 events, 32 connections'),
    Lane('chat-20k', '20 KB chat, 10 events, 32 connections', size=20_000),
    Lane('chat-200k', '200 KB chat, 10 events, 16 connections', size=200_000, connections=16),
    # With one event per send the upstream would be the bottleneck of this lane.
    Lane('burst', '2 KB chat, 200 events in bursts of 10, 16 connections', connections=16,
         events=200, batch=10),
    Lane('paced', '64 streams, an event every 20 ms', 'streams', connections=64, events=64,
         delay_us=20_000, ramp=0.1, repeat=2),
    open_streams(1000),
    open_streams(9000, slow=('portkey', 'reference')),
    Lane('idle', '5,000 idle connections', 'idle', request='local', connections=5000, ramp=2,
         rounds=1, fresh=True),
    Lane('tool', '2 KB chat, one call of an MCP tool, 10 events, 32 connections', request='tool'),
    Lane('hit', '2 KB chat from the cache, 10 events, 32 connections', request='hit'),
    Lane('limited', '429 to a 2 KB chat, 32 connections', request='limited', events=0),
    Lane('chat-openai', 'AI SDK client → OpenAI: 2 KB, 10 events, 32 connections',
         request='chat-openai'),
    Lane('completions-gemini', 'OpenAI client → Gemini: 2 KB, 10 events, 32 connections',
         request='completions-gemini'),
    Lane('completions-openai', 'OpenAI client → OpenAI: 2 KB, 10 events, 32 connections',
         request='completions-openai'),
    Lane('memory', 'start and memory; load: 2 KB chat, 32 connections', 'memory', rounds=1,
         fresh=True),
]
QUICK = ['local', 'latency', 'chat-2k', 'chat-200k', 'burst', 'paced', 'open-1000', 'tool', 'hit',
         'limited', 'memory']

# Letters of two and three bytes, quotes and line breaks, since they cost what plain text does not.
TEXTS = [
    'Please compare the opening hours of the three cafés on this page. Which is open on Sunday?',
    'The second one, until 22:00; the others close at "18:00" sharp.\n\n'
    '- Café Morgenrot: 9:00–18:00\n- Löwe: 10:00–22:00\n\nBoth have a terrace.',
    'Do they take cards? And what does lunch cost at the cheapest, with a coffee?',
    'Both do. Lunch is 9.80 € at the Löwe until 14:30, and a coffee with it 2.10 €.',
]
PAGE = ('Each entry of the page has a name, an address, opening hours for the days of the week, a '
        'short review and its prices. The reviews praise the terrace, the "quiet room" and the '
        'staff; two of them complain about the coffee. ')


def turns(size):
    """(role, text) in turn, from the user to the user; as UI messages some `size` bytes."""
    count = max(3, min(31, size // 300 | 1))
    texts = [TEXTS[i % len(TEXTS)] for i in range(count)]
    spare = max(0, size - 160 * count - sum(len(text.encode()) for text in texts)) // count
    page = (PAGE * (spare // len(PAGE) + 1))[:spare]
    return [(('user', 'assistant')[i % 2], text + ' ' + page) for i, text in enumerate(texts)]


def ui(size, model):
    def message(i, role, text):
        if role == 'user':
            return {'id': f'msg-{i:04}', 'role': role, 'parts': [{'type': 'text', 'text': text}]}
        return {'id': f'msg-{i:04}', 'role': role,
                'metadata': {'createdAt': 1790000000000 + i, 'model': model, 'totalTokens': 880},
                'parts': [{'type': 'step-start'}, {'type': 'text', 'text': text, 'state': 'done'}]}
    return {'id': 'bench', 'model': model, 'trigger': 'submit-message',
            'messages': [message(i, *turn) for i, turn in enumerate(turns(size))]}


def ui_tool(size, model):
    return {**ui(size, model),
            'toolSchemas': [{'name': 'bench_lookup', 'mcp': {'executionLocation': 'backend'}}]}


def gemini(size, _model):
    return {'generationConfig': {'maxOutputTokens': 4000, 'temperature': 0.7}, 'contents': [
        {'role': 'model' if role == 'assistant' else role, 'parts': [{'text': text}]}
        for role, text in turns(size)]}


def openai(size, model):
    return {'model': model, 'stream': True, 'max_tokens': 4000, 'temperature': 0.7,
            'messages': [{'role': role, 'content': text} for role, text in turns(size)]}


def write_body(folder, kind, size, model):
    path = folder / f'{kind.__name__}-{size}-{model}.json'
    if not path.exists():
        path.write_text(json.dumps(kind(size, model), ensure_ascii=False))
    return path
