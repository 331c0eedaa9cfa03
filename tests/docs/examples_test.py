"""Each configuration that a document for operators shows passes `gatehouse check`. That of the
tutorial, which names the reader's own plugin, is tested with it in tests/scaffold.

    examples_test.py GATEHOUSE REPOSITORY
"""
import pathlib
import re
import subprocess
import sys
import tempfile

gatehouse, root = sys.argv[1], pathlib.Path(sys.argv[2])
MAIN = 'include: conf.d/*.yaml\npipeline: [chat, {simulator: {intended: true}}]\n'
failed = count = 0
with tempfile.TemporaryDirectory() as folder:
    file, included = pathlib.Path(folder, 'gatehouse.yaml'), pathlib.Path(folder, 'conf.d/1.yaml')
    included.parent.mkdir()
    token = pathlib.Path(folder, 'admin-token')  # named by configurations
    token.write_text('the-token-of-an-operator')
    token.chmod(0o600)
    for document in sorted([*root.glob('docs/*.md'), *root.glob('plugins/*/README.md')]):
        if document.name == 'tutorial.md':
            continue
        blocks = re.findall(r'^```yaml\n(.*?)^```$', document.read_text(), re.M | re.S)
        for text in (block for block in blocks if re.search('^workflows:', block, re.M)):
            pathlib.Path(folder, 'workflows.yaml').write_text(text)  # named by the configuration
        for text in (block for block in blocks if re.search('^pipeline:', block, re.M)):
            count += 1
            if re.search('^ +(before|after):', text, re.M):
                included.write_text(text)
                text = MAIN
            file.write_text(text)
            checked = subprocess.run([gatehouse, 'check', file], env={'GEMINI_API_KEY': 'key'},
                                     capture_output=True, text=True, timeout=30)
            if checked.returncode:
                failed += 1
                print(f'{document.relative_to(root)}:\n{checked.stderr}')
print(f'{count} configurations pass' if not failed else f'{failed} of {count} fail')
sys.exit(bool(failed) or count == 0)
