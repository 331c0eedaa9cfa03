"""The text format of exchange files (README.md): reading it, and matching what came against what stands there."""
import re
from dataclasses import dataclass, field

PREFIXES = ('>', '<', '>>', '<<')
PLACEHOLDERS = {
    '...': r'[^\n]*',
    '<time>': r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z',
    '<number>': r'-?\d+(?:\.\d+)?',
    '<id>': r'[A-Za-z0-9_-]+',
}


@dataclass
class Step:
    kind: str       # a prefix ('>', '<', '>>', '<<') or a word ('config', 'log', ...)
    text: str       # what follows the word on its line
    lines: list     # of a prefixed block, or the indented lines below a word
    line: int


@dataclass
class Case:
    name: str
    steps: list = field(default_factory=list)


def parse(text):
    """The cases of a file. Steps before the first title are a case of their own: they start the gateway."""
    cases, block = [Case('starts')], None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith('#'):
            continue
        if line.startswith('== '):
            cases.append(Case(line[3:].strip()))
            block = None
        elif found := re.match(r'(>>|<<|>|<)(?: (.*))?$', line):
            prefix, rest = found[1], found[2] or ''
            if block is None or block.kind != prefix:
                block = Step(prefix, '', [], number)
                cases[-1].steps.append(block)
            block.lines.append(rest)
        elif found := re.match(r'(\w+):(?: (.*))?$', line):
            block = Step(found[1], (found[2] or '').strip(), [], number)
            cases[-1].steps.append(block)
        elif block and line.startswith('  '):
            block.lines.append(line[2:])
        elif line.strip():
            raise ValueError(f'line {number}: what is this? {line!r}')
        elif block and block.kind in PREFIXES:
            block = None            # an empty line ends it
    return [case for case in cases if case.steps]


@dataclass
class Message:
    """A request or an answer as it stands in a file."""
    first: str
    headers: list       # (name, value); of an answer ('!Name', '') means: must not be there
    body: list          # lines, or None: nothing is said about it

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def message(lines):
    lines = [expand(line) for line in lines]
    end = lines.index('') if '' in lines else len(lines)
    headers = [tuple(part.strip() for part in line.partition(':')[::2]) for line in lines[1:end]]
    return Message(lines[0], headers, lines[end + 1:] if end < len(lines) else None)


def expand(line):
    """<a*500> stands for 500 times a."""
    return re.sub(r'<([^<>*]+)\*(\d+)>', lambda found: found[1] * int(found[2]), line)


def pattern(text):
    """A regular expression for one line of text with placeholders."""
    pieces = re.split('(' + '|'.join(map(re.escape, PLACEHOLDERS)) + ')', text)
    return ''.join(PLACEHOLDERS.get(piece) or re.escape(piece) for piece in pieces)


def body_pattern(lines):
    """As pattern(), for several lines; a line that is only ... stands for any number of lines."""
    return ''.join(r'(?:[^\n]*\n)*?' if line == '...' else pattern(line) + '\n' for line in lines)


def matches(wanted, text):
    return re.fullmatch(pattern(wanted), text) is not None


def contains(wanted, value):
    """Whether a JSON value has everything `wanted` has: objects may have more members, strings are patterns."""
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(key in value and contains(item, value[key]) for key, item in wanted.items())
    if isinstance(wanted, str):
        return isinstance(value, str) and matches(wanted, value)
    return wanted == value and type(wanted) is type(value)
