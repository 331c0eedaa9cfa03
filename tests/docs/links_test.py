"""Every link of a document leads to a file and a heading, and every path that it names exists.

    links_test.py REPOSITORY
"""
import pathlib
import re
import sys

import tree

root = pathlib.Path(sys.argv[1]).resolve()
FOLDERS = 'core|sdk|plugins|tests|etc|packaging|docs'
PATH = re.compile(rf'`((?:{FOLDERS})/(?!\S*NAME)[\w./-]+)`')


def documents():
    return [root / path for path in tree.files(root, '.md')]


def without_code(text):
    return re.sub(r'^( *)```.*?^\1```', '', text, flags=re.M | re.S)


def slug(heading):
    """As GitHub makes them."""
    text = re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', heading).strip().lower()
    return re.sub(r'[^\w\- ]', '', text).replace(' ', '-')


def headings(document):
    seen, slugs = {}, set()
    for heading in re.findall(r'^#+ +(.*)$', without_code(document.read_text()), re.M):
        name = slug(heading)
        slugs.add(f'{name}-{seen[name]}' if name in seen else name)
        seen[name] = seen.get(name, 0) + 1
    return slugs


def objection(document, target):
    """What is wrong with a link, or None."""
    path, _, anchor = target.partition('#')
    file = (document.parent / path).resolve() if path else document
    if not file.exists():
        return f'{target}: there is no such file'
    if anchor and file.suffix == '.md' and anchor not in headings(file):
        return f'{target}: there is no such heading'
    return None


wrong = []
count = 0
for document in documents():
    name = document.relative_to(root)
    text = without_code(document.read_text())
    for target in re.findall(r'\]\(([^)\s]+)\)', text):
        if re.match(r'[a-z]+:', target):
            continue  # elsewhere
        count += 1
        if what := objection(document, target):
            wrong.append(f'{name}: {what}')
    if name.name != 'CHANGELOG.md':  # it describes what was
        for path in PATH.findall(text):
            count += 1
            if not (root / path).exists():
                wrong.append(f'{name}: names {path}, which does not exist')
print('\n'.join(wrong) or f'{count} links and paths lead somewhere')
sys.exit(bool(wrong))
