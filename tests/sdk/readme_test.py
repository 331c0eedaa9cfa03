"""The code that sdk/README.md shows is the code in sdk/example and sdk/rust/examples, byte for
byte; tests build and run that."""
import pathlib
import re
import sys

SHOWN = re.compile(r'^<!-- ((?:example|rust)/\S+) -->\n```\w*\n(.*?)^```$', re.M | re.S)

sdk = pathlib.Path(sys.argv[1])
shown = dict(SHOWN.findall((sdk / 'README.md').read_text()))
failed = [name for name, code in shown.items() if code != (sdk / name).read_text()]
for name in failed:
    print(f'sdk/README.md shows another {name}')
for name in ('example/hello/hello.cpp', 'example/hello/schema.json', 'example/hello/CMakeLists.txt',
             'example/hello/hello_test.cpp', 'example/c/stamp.c', 'example/c/stamp_test.c',
             'rust/examples/guard/Cargo.toml', 'rust/examples/guard/src/lib.rs'):
    if name not in shown:
        failed.append(name)
        print(f'sdk/README.md does not show {name}')
sys.exit(bool(failed))
