#!/usr/bin/env python3
"""Tables and plots of a run.    report.py results.json [FOLDER]"""
import datetime
import json
import pathlib
import re
import statistics
import subprocess
import sys

import traffic

LANES = {lane.name: lane for lane in traffic.LANES}


def facts(seconds, names):
    """Of the machine and the programs, for the head of the report."""
    def first_line(*command):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return 'absent'
        return (done.stdout or done.stderr).split('\n', 1)[0].strip()

    def field(path, pattern):
        found = re.findall(pattern, pathlib.Path(path).read_text(), re.MULTILINE)
        return found[0] if found else 'unknown', len(found)
    cpu, cores = field('/proc/cpuinfo', r'^model name\s*: (.*)$')
    memory, _ = field('/proc/meminfo', r'^MemTotal:\s*(\d+)')
    return {'date': datetime.date.today().isoformat(), 'seconds': seconds, 'servers': names,
            'machine': f'{cores} cores of {cpu}, {int(memory) / 2**20:.1f} GiB',
            'system': f'{first_line("lsb_release", "-ds")}, Linux {first_line("uname", "-r")}',
            'versions': [first_line('git', 'log', '-1', '--format=gatehouse %h of %cs'),
                         first_line('nginx', '-v').replace('version: ', ''),
                         ' '.join(first_line('haproxy', '-v').split()[:3]),
                         f'Portkey 1.15.2 on Node.js {first_line("node", "-v")}']}


def value(result, *path):
    for key in path:
        result = result.get(key) if isinstance(result, dict) else None
    return result


def cpu_us(per):
    """A function of a result: µs of CPU of the server per response or event."""
    def of(result):
        used = value(result, 'processes', 'server', 'cpu_s')
        return used * 1e6 / result[per] if result[per] else None
    return of


def ms(*path):
    return lambda result: value(result, *path)


def rate(result):
    return result['done'] / result['seconds'] or None


def growth_kib(per):
    def of(result):
        server = result['processes']['server']
        return (server['rss_peak_kib'] - server['rss_before_kib']) / max(1, result[per])
    return of


def median(rounds, of):
    found = [v for v in map(of, rounds) if v is not None]
    return statistics.median(found) if found else None


def paired(rounds, others, combine, of):
    """The median of what `combine` makes of the rounds of two servers, taken round by round."""
    pairs = [(of(a), of(b)) for a, b in zip(rounds, others or [])]
    found = [combine(a, b) for a, b in pairs if a is not None and b]
    return statistics.median(found) if found else None


def text(number, sign=''):
    if number is None:
        return '–'
    digits = 0 if abs(number) >= 100 else 1 if abs(number) >= 10 else 2 if abs(number) >= 1 else 3
    return f'{number:{sign},.{digits}f}'


def progress(lane, name, number, result):
    cpu = cpu_us('events' if lane.mode == 'streams' else 'done')(result)
    errors = result['errors'] + result['unfinished']
    return (f'{lane.name:18} {name:12} round {number + 1}: {result["done"]:6} responses, '
            f'{text(rate(result)):>7}/s, {text(cpu):>6} µs CPU, foreign {result["foreign_cores"]:.2f}'
            + (f', {errors} ERRORS {result["first_error"][:120]}' if errors else ''))


# ---- Tables

def table(head, rows):
    lines = [head, ['---'] + ['---:'] * (len(head) - 1), *rows]
    return '\n'.join('| ' + ' | '.join(map(str, line)) + ' |' for line in lines) + '\n'


def matrix(names, results, lanes, of, ratio=True):
    """A row for each lane, a column for each server; ratios to nginx in brackets."""
    def cell(lane, name):
        rounds = results[lane].get(name)
        if rounds is None:
            return ''
        times = paired(rounds, results[lane].get('nginx'), lambda a, b: a / b, of)
        show = ratio and times is not None and name not in ('direct', 'nginx')
        return text(median(rounds, of)) + (f' ({times:.2f}×)' if show else '')
    return table(['', *names],
                 [[LANES[lane].title, *(cell(lane, name) for name in names)] for lane in lanes])


def latency_table(results):
    lane = results['latency']
    def added(rounds, quantile, kind):
        difference = paired(rounds, lane.get('direct'), lambda a, b: a - b, ms(kind, quantile))
        return text(difference, '+')
    return table(['one client', 'p50 ms', 'p99 ms', 'added p50', 'added p99', 'CPU µs'], [
        [name, text(median(rounds, ms('response_ms', 'p50'))),
         text(median(rounds, ms('response_ms', 'p99'))), added(rounds, 'p50', 'response_ms'),
         added(rounds, 'p99', 'response_ms'), text(median(rounds, cpu_us('done')))]
        for name, rounds in lane.items()])


def streams_table(lane, results):
    rows = []
    for name, rounds in results[lane].items():
        times = paired(rounds, results[lane].get('nginx'), lambda a, b: a / b, cpu_us('events'))
        rows.append([name, text(median(rounds, cpu_us('events'))),
                     text(times), *(text(median(rounds, ms('event_ms', q)))
                                    for q in ('p50', 'p99', 'max')),
                     text(median(rounds, growth_kib('peak_streams'))),
                     text(median(rounds, ms('peak_streams'))),
                     sum(r['errors'] + r['unfinished'] for r in rounds)])
    return table([LANES[lane].title, 'CPU µs/event', '×nginx', 'delay p50 ms', 'p99', 'max',
                  'KiB/stream', 'open at once', 'lost'], rows)


def memory_table(results):
    idle, rows = results.get('idle', {}), []
    for name, [*_, result] in results['memory'].items():
        server = result['processes']['server']
        mib = (server['rss_before_kib'], server['rss_peak_kib'], result['rss_later_kib'])
        rows.append([name, text(statistics.median(result['starts_ms'])),
                     *(text(kib / 1024) for kib in mib), text(server['threads_peak']),
                     text(median(idle.get(name, []), growth_kib('done')))])
    return table(['', 'start ms', 'MiB at start', 'under load', '5 s later', 'threads',
                  'KiB per idle connection'], rows)


def failures(results):
    for lane, of_servers in results.items():
        for name, rounds in of_servers.items():
            failed = sum(r['errors'] + r['unfinished'] for r in rounds)
            if failed:
                why = next((r['first_error'] for r in rounds if r['first_error']), 'not in time')
                why = re.sub(r'\s+', ' ', why).replace('`', "'")[:160]
                yield f'- {lane}, {name}: {failed} of {failed + sum(r["done"] for r in rounds)}, ' \
                      f'such as `{why}`'


def markdown(facts, results, plots):
    names = [n for n in facts['servers'] if any(n in lane for lane in results.values())]
    loops = [lane for lane in results if LANES[lane].mode == 'loop']
    noise = max(r['foreign_cores'] for lane in results.values() for rounds in lane.values()
                for r in rounds)
    parts = ['# Results\n', f'{facts["date"]}, in {facts["seconds"]:.0f} s. {facts["machine"]}; '
             f'{facts["system"]}; {"; ".join(facts["versions"])}. Other processes used at most '
             f'{noise:.2f} cores during a sample. [README.md](README.md) explains the lanes.\n']
    parts += [f'![{plot}]({plot}.png)' for plot in plots]
    if loops:
        parts += ['\n## CPU time of the server per response, µs (ratio to nginx)\n',
                  matrix(names, results, loops, cpu_us('done')),
                  '## Responses per second (ratio to nginx)\n',
                  matrix(names, results, loops, rate),
                  '## Time to the end of the response, p99, ms\n',
                  matrix(names, results, loops, ms('response_ms', 'p99'), ratio=False)]
    if 'latency' in results:
        parts += ['## What a server adds to the way without one\n', latency_table(results)]
    streams = [lane for lane in results if LANES[lane].mode == 'streams']
    if streams:
        parts += ['## Streams\n', 'The delay is that of an event, from the send of the upstream to '
                  'the receipt by the client.\n', *(streams_table(s, results) for s in streams)]
    if 'memory' in results:
        parts += ['## Start and memory\n', memory_table(results)]
    failed = list(failures(results))
    if failed:
        parts += ['## Failed responses\n', *failed]
    return '\n'.join(parts) + '\n'


# ---- Plots

def bars(axes, title, lanes, results, of, names):
    """Horizontal bars on a logarithmic axis: a group for each lane, a bar for each server."""
    width = 0.8 / len(names)
    for i, name in enumerate(names):
        values = [median(results[lane].get(name, []), of(lane)) for lane in lanes]
        places = [n + (i - len(names) / 2) * width for n in range(len(lanes))]
        shown = axes.barh(places, [v or 0 for v in values], width, label=name)
        axes.bar_label(shown, [text(v) if v else '' for v in values], padding=2, fontsize=6)
    axes.set_yticks(range(len(lanes)), lanes)
    axes.invert_yaxis()
    axes.set_xscale('log')
    axes.set_title(title, fontsize=10)


def plot(facts, results, folder):
    """Names of the plots; none without matplotlib (Debian: python3-matplotlib)."""
    try:
        import matplotlib
    except ImportError:
        return []
    matplotlib.use('Agg')
    from matplotlib import pyplot
    of_mode = {mode: [lane for lane in results if LANES[lane].mode == mode]
               for mode in ('loop', 'streams')}
    wanted = {'cpu': ('CPU of the server per response, µs', of_mode['loop'],
                      lambda _: cpu_us('done')),
              'rate': ('responses per second', of_mode['loop'], lambda _: rate),
              'delay': ('delay of an event, p99, ms', of_mode['streams'],
                        lambda _: ms('event_ms', 'p99')),
              'memory': ('KiB per open stream', of_mode['streams'],
                         lambda _: growth_kib('peak_streams'))}
    made = []
    for name, (title, lanes, of) in wanted.items():
        if not lanes:
            continue
        servers = [s for s in facts['servers'] if any(s in results[lane] for lane in lanes)]
        figure, axes = pyplot.subplots(figsize=(9, 1 + 0.16 * len(lanes) * len(servers)))
        bars(axes, f'{title}   ({facts["date"]}, {facts["machine"]})', lanes, results, of, servers)
        axes.legend(fontsize=7)
        figure.tight_layout()
        figure.savefig(folder / f'{name}.png', dpi=100)
        pyplot.close(figure)
        made.append(name)
    return made


def write(facts, results, folder):
    plots = plot(facts, results, folder)
    (folder / 'RESULTS.md').write_text(markdown(facts, results, plots))


if __name__ == '__main__':
    source = pathlib.Path(sys.argv[1])
    write(*json.loads(source.read_text()),
          pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else source.parent)
