"""plugins/README.md has each plugin, and the routes that it claims; a page of each exists.

    plugins_test.py REPOSITORY
"""
import pathlib
import re
import sys

folder = pathlib.Path(sys.argv[1]) / 'plugins'
guide = (folder / 'README.md').read_text()
order = re.search(r'^## Order.*?(?=^## )', guide, re.M | re.S)[0]
routes = re.search(r'^## Routes.*', guide, re.M | re.S)[0]
CLAIM = r'\b{}(?:<[^>]*>)?\(\s*(?:host_?,\s*)?(?:this,\s*)?"([A-Z]+)",\s*"([^"]+)"'
wrong = []
for plugin in sorted(f.name for f in folder.iterdir() if (f / 'schema.json').exists()):
    if f'[{plugin}]({plugin})' not in order:
        wrong.append(f'plugins/README.md does not have {plugin}')
    if not (folder / plugin / 'README.md').exists():
        wrong.append(f'plugins/{plugin} has no README.md')
    sources = [f for f in (folder / plugin).glob('*.cpp') if '_test' not in f.stem]
    code = '\n'.join(f.read_text() for f in sources)
    row = re.search(rf'^\| {plugin} \|(.*?)\|(.*?)\|$', routes, re.M) or ('', '', '')
    for column, function in ((1, 'route'), (2, 'admin_route')):
        claimed = {f'{method} {path}' for method, path in re.findall(CLAIM.format(function), code)}
        shown = set(re.findall('`([^`]+)`', row[column]))
        for route in sorted(claimed ^ shown):
            wrong.append(f'plugins/README.md and {plugin} differ in the {function} {route}')
print('\n'.join(wrong) or 'plugins/README.md is complete')
sys.exit(bool(wrong))
