"""For gdb: shows where the requests wait that share the threads of a gateway.

    gdb -p PID -x core/net/fibers.py -ex fibers
    gdb build-dev/bin/gatehouse CORE -x core/net/fibers.py -ex fibers

`info threads` shows one stack for each loop, but a loop has many fibers, each with a stack of its
own. The alarms of a loop name all that wait. A suspended fiber has its registers on its stack,
as jump_fcontext() of Boost.Context has left them (x86-64). Needs the debug information of
core/net/loop.cpp.
"""
from collections import namedtuple

import gdb
from gdb.unwinder import Unwinder, register_unwinder

# Behind 8 bytes of floating-point state.
SAVED = ('r12', 'r13', 'r14', 'r15', 'rbx', 'rbp', 'rip')
FrameId = namedtuple('FrameId', ('sp', 'pc'))


class Suspended(Unwinder):
    """While it has a fiber, that fiber's stack stands in place of the callers of frame 0, whose
    stack pointer is `top`."""
    def __init__(self):
        super().__init__('gatehouse-fibers')
        self.context = self.top = None

    def __call__(self, frame):
        top = frame.read_register('rsp')
        if self.context is None or int(top) != self.top:
            return None
        # Frames that are called have lower addresses: this one has to seem to be on that stack.
        here = gdb.Value(self.context).cast(top.type)
        unwound = frame.create_unwind_info(FrameId(here, frame.read_register('rip')))
        word = gdb.lookup_type('unsigned long')
        saved = gdb.Value(self.context).cast(word.pointer()) + 1
        for i, name in enumerate(SAVED):
            unwound.add_saved_register(
                name, saved[i].cast(frame.read_register(name).type))
        unwound.add_saved_register(
            'rsp', gdb.Value(self.context + 8 * (len(SAVED) + 1)).cast(top.type))
        return unwound


SUSPENDED = Suspended()
register_unwinder(None, SUSPENDED, replace=True)


def loop_of(thread):
    """The loop that a thread runs, or None."""
    thread.switch()
    frame = gdb.newest_frame()
    while frame:
        if frame.name() == 'gatehouse::core::Loop::run':
            frame.select()
            return gdb.parse_and_eval('this').dereference()
        frame = frame.older()
    return None


def waiting(loop):
    """The contexts of its fibers that wait."""
    for _, alarm in gdb.default_visualizer(loop['alarms_']).children():
        strand = alarm['second'].dereference()
        if strand['is_waiting']:
            yield int(strand['fiber']['inner_'])


class Fibers(gdb.Command):
    """Shows the stacks of all fibers that wait. `fibers COUNT`: COUNT frames of each."""
    def __init__(self):
        super().__init__('fibers', gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        frames = int(argument or 30) + 1
        for thread in sorted(gdb.selected_inferior().threads(), key=lambda t: t.num):
            loop = loop_of(thread)
            SUSPENDED.top = int(gdb.newest_frame().read_register('rsp'))
            for number, context in enumerate(waiting(loop) if loop else ()):
                SUSPENDED.context = context
                gdb.invalidate_cached_frames()
                try:
                    lines = gdb.execute(f'backtrace {frames}', to_string=True).splitlines()
                finally:
                    SUSPENDED.context = None
                    gdb.invalidate_cached_frames()
                print(f'\nThread {thread.num}, fiber {number + 1}:')
                print('\n'.join(line for line in lines if not line.startswith('#0 ')))


Fibers()
