"""The code that docs/coming-from.md shows as ours compiles as the body of a plugin class.

    snippets_test.py COMPILER REPOSITORY
"""
import pathlib
import re
import subprocess
import sys

compiler, root = sys.argv[1], pathlib.Path(sys.argv[2])
text = (root / 'docs/coming-from.md').read_text()
snippets = re.findall(r'^<!-- compiled -->\n```cpp\n(.*?)^```$', text, re.M | re.S)
source = '#include "gatehouse/plugin.hpp"\nusing namespace gatehouse;\n' + ''.join(
    f'struct P{i} : Plugin {{\n  P{i}(Host host, Json) : host_(host) {{}}\n{code}  Host host_;\n}};\n'
    f'template struct gatehouse::detail::Glue<P{i}>;\n' for i, code in enumerate(snippets))
compiled = subprocess.run([compiler, '-std=c++17', '-Wall', '-Wextra', '-Werror', '-fsyntax-only',
                           f'-I{root}/sdk/include', '-x', 'c++', '-'], input=source, text=True)
print(f'{len(snippets)} snippets')
sys.exit(compiled.returncode or len(snippets) < 4)
