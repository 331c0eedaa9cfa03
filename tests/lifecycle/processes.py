"""The processes of a gateway, as proc(5) has them."""
from contextlib import suppress
from pathlib import Path


def children(pid):
    found = []
    for task in Path(f'/proc/{pid}/task').iterdir():
        with suppress(OSError):     # a thread that has ended meanwhile
            found += map(int, (task / 'children').read_text().split())
    return found


def state(pid):
    """One letter; nothing if there is no such process."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None
