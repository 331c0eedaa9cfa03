"""The code that sdk/README.md shows is the code in sdk/example, byte for byte."""
import pathlib
import re
import sys

sdk = pathlib.Path(sys.argv[1])
readme = (sdk / 'README.md').read_text()
shown = {name: code for name, code in re.findall(r'^<!-- (example/\S+) -->\n```\w*\n(.*?)^```$', readme, re.M | re.S)}
failed = [name for name, code in shown.items() if code != (sdk / name).read_text()]
for name in failed:
    print(f'sdk/README.md shows another {name}')
for name in ('hello.cpp', 'schema.json', 'CMakeLists.txt', 'hello_test.cpp'):
    if f'example/hello/{name}' not in shown:
        failed.append(name)
        print(f'sdk/README.md does not show example/hello/{name}')
sys.exit(bool(failed))
