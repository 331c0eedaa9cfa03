"""The metrics of a running gateway are those of docs/operations.md and the READMEs, with their
types; the dashboard and the alert rules use only these, each as its type demands, and promtool
accepts them.

    metrics_test.py GATEHOUSE REPOSITORY
"""
import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

binary, root = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
guide = (root / 'docs/operations.md').read_text()
dashboard = json.loads((root / 'etc/grafana/gatehouse.json').read_text())
alerts = root / 'etc/prometheus/gatehouse-alerts.yaml'
NAME = re.compile(r'\b(?:gatehouse|process|gen_ai_client)_[a-z_]+')
wrong = []


def check(good, *what):
    if not good:
        wrong.append(' '.join(map(str, what)))


LISTEN = """
    - 127.0.0.1:0
    - {address: "127.0.0.1:0", tls: {certificate: tls.pem, key: tls.key}}
    - {address: "127.0.0.1:0", proxy_protocol: true}
  trusted_proxies: [192.0.2.1]"""
CERTIFY = ('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 '
           '-subj /CN=localhost -keyout tls.key -out tls.pem')


def scraped():
    """The text of /metrics of the default pipeline, after a chat, and a request and a connection
    that the server rejects."""
    with tempfile.TemporaryDirectory(prefix='metrics-') as folder:
        for name in ('gatehouse.yaml', 'workflows.yaml'):
            shutil.copy(root / 'etc' / name, folder)
        subprocess.run(CERTIFY.split(), cwd=folder, check=True, capture_output=True)
        config = pathlib.Path(folder, 'gatehouse.yaml')
        text = re.sub(r' 127\.0\.0\.1:3000.*', lambda _: LISTEN, config.read_text(), count=1)
        config.write_text(text)
        process = subprocess.Popen([binary, 'serve', config], stdout=subprocess.PIPE, text=True,
                                   stderr=subprocess.DEVNULL)
        try:
            address, _, behind_proxy = next(
                entry['address'].split(', ') for entry in map(json.loads, process.stdout)
                if entry['message'] == 'listening')
            with socket.create_connection(behind_proxy.split(':'), 10) as foreign:
                check(not foreign.recv(1), 'a connection from no trusted proxy is accepted')
            chat = {'messages': [{'role': 'user', 'parts': [{'type': 'text', 'text': 'Hi'}]}]}
            fetch(address, '/api/chat', json.dumps(chat).encode())
            check(fetch(address, '/', host='elsewhere') == 421, 'a foreign host is accepted')
            return fetch(address, '/metrics')
        finally:
            process.stdout.close()
            process.kill()
            process.wait()


def fetch(address, path, body=None, host='localhost'):
    """The text of the response, or the status of a failure."""
    headers = {'Host': host, 'Content-Type': 'application/json',
               'X-Extension-ID': 'abcdefghijklmnopabcdefghijklmnop'}
    request = urllib.request.Request(f'http://{address}{path}', body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code


def documented(text):
    """The label names of each metric in the first column of a table, and None for those whose
    labels are not listed."""
    found = {}
    for row in re.findall(r'^\| (`.*?`) \|', text, re.M):
        for name, labels in re.findall(r'`([a-z_]+)(\{.*?\})?`', row):
            if NAME.fullmatch(name):
                unlisted = '…' in labels
                found[name] = None if unlisted else set(re.findall(r'[{,] ?([a-z_]+)', labels))
    return found


live = scraped()
types = dict(re.findall(r'^# TYPE (\S+) (\S+)$', live, re.M))
core = re.search(r'^## Metrics of the core\n.*?(?=^## )', guide, re.M | re.S)[0]
names = documented(core)
for readme in root.glob('plugins/*/README.md'):
    text = readme.read_text()
    names |= documented(text)
    for name, labels in re.findall(r'[`]((?:gatehouse|gen_ai_client)_[a-z_]+)(\{.*?\})?`', text):
        listed = None if '…' in labels else set(re.findall(r'[{,] ?([a-z_]+)', labels))
        names.setdefault(name, listed)

for row, kind in re.findall(r'^\| (`.*?`) \| (\w+) \|', core, re.M):
    for name in NAME.findall(row):
        check(types.get(name) == kind, f'docs/operations.md: {name} is a {types.get(name)}')
for name in types:
    check(name in names, f'no document has the metric {name}')


def type_of(name):
    if name in types:
        return types[name]
    return 'counter' if name.endswith('_total') else 'gauge'


def check_expression(where, expression):
    """Its metrics exist, have the labels that it selects by, and a counter is inside a rate."""
    for use in re.finditer(NAME.pattern + r'(?=(\{.*?\})?)', expression):
        name, selector = use[0], use[1] or ''
        family = re.sub('_(bucket|sum|count)$', '', name)
        check(family in names, f'{where}: there is no metric {name}')
        listed = names.get(family)
        for label in re.findall(r'[{,]([a-z_]+)[=!]', selector):
            check(label in ('instance', 'job', 'le') or listed is None or label in listed,
                  f'{where}: {name} has no label {label}')
        before = expression[:use.start()]
        is_rated = re.search(r'(rate|increase)\($', before) is not None
        is_counter = name != family or type_of(family) == 'counter'
        appears = 'unless' in expression        # a series that did not exist before
        check(is_rated == is_counter or appears, f'{where}: {name} is a {type_of(family)}')


def expressions():
    for panel in dashboard['panels']:
        for target in panel.get('targets', []):
            yield f'the panel {panel["title"]!r}', target['expr']


text_of_alerts = alerts.read_text()
rules = re.split(r'^ +- alert: ', text_of_alerts, flags=re.M)[1:]
check(rules, f'{alerts} has no rules')
headings = {line[4:].lower() for line in guide.splitlines() if line.startswith('### ')}
for rule in rules:
    name = rule.splitlines()[0]
    expression = re.search(r'expr: (?:>-\n)?(.*?)\n +(?:for|labels):', rule, re.S)[1]
    check_expression(f'the alert {name}', re.sub(r'\s+', ' ', expression))
    check(f'runbook: docs/operations.md#{name.lower()}' in rule and name.lower() in headings,
          f'the alert {name} has no section in docs/operations.md')
    check(name in (root / 'tests/docs/alerts.yaml').read_text(), f'the alert {name} has no test')

recording = ['groups:', '- name: dashboard', '  rules:']
for number, (where, expression) in enumerate(expressions()):
    check_expression(where, expression)
    check('instance=~"$instance"' in expression, f'{where} does not select by instance')
    plain = expression.replace('$__rate_interval', '5m').replace('$instance', '.*')
    recording += [f'  - record: panel:{number}', f'    expr: {json.dumps(plain)}']


def promtool(*arguments):
    done = subprocess.run(['promtool', *map(str, arguments)], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    check(done.returncode == 0, f'promtool {" ".join(map(str, arguments))}:\n{done.stdout}')


if not shutil.which('promtool'):
    sys.exit('promtool is missing: install the package prometheus')
with tempfile.NamedTemporaryFile('w', suffix='.yaml') as rules_file:
    rules_file.write('\n'.join(recording))
    rules_file.flush()
    promtool('check', 'rules', rules_file.name)
promtool('check', 'rules', alerts)
promtool('test', 'rules', root / 'tests/docs/alerts.yaml')
print('\n'.join(wrong) or 'the metrics, the dashboard and the alerts agree')
sys.exit(bool(wrong))
