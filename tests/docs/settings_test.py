"""The tables of settings in the documents are what `gatehouse reference` prints from the schemas.

    settings_test.py GATEHOUSE           compares them
    settings_test.py GATEHOUSE --write   writes them

docs/configuration.md is the whole output; the README of each plugin has its table between <!-- settings --> and <!-- /settings -->.
"""
import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BETWEEN_MARKERS = re.compile(r'(?<=<!-- settings -->\n).*?(?=<!-- /settings -->)', re.S)


def expected_documents(reference):
    """Yields the path of each document and what it should be; None: it has no markers."""
    yield ROOT / 'docs' / 'configuration.md', reference
    tables = dict(re.findall(r'^## (\S+)\n\n(.*?)(?=\n## |\Z)', reference, re.M | re.S))
    readmes = {s.parent.name: s.parent / 'README.md' for s in ROOT.glob('plugins/*/schema.json')}
    not_in_both = (tables.keys() - {'gateway'}) ^ readmes.keys()
    assert not not_in_both, f'not both in plugins/ and installed: {not_in_both}'
    for name, readme in sorted(readmes.items()):
        text, count = BETWEEN_MARKERS.subn(lambda _: tables[name], readme.read_text())
        yield readme, text if count == 1 else None


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('gatehouse')
    parser.add_argument('--write', action='store_true')
    options = parser.parse_args()
    reference = subprocess.run(
        [options.gatehouse, 'reference'], stdout=subprocess.PIPE, text=True, check=True, timeout=60
    ).stdout
    failed = False
    for path, expected in expected_documents(reference):
        name = path.relative_to(ROOT)
        if expected is None:
            print(f'{name}: must have one table between <!-- settings --> and <!-- /settings -->')
            failed = True
        elif options.write:
            path.parent.mkdir(exist_ok=True)
            path.write_text(expected)
        elif not path.exists() or path.read_text() != expected:
            print(f'{name}: differs from the schemas: run this test with --write')
            failed = True
    return failed


sys.exit(main())
