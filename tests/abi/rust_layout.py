#!/usr/bin/env python3
"""Compares the crate gatehouse-sys with the C headers: each offset, size, value and id that
frozen.c has pinned, and the number of parameters of each function.

    rust_layout.py --rustc RUSTC
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SDK = HERE.parents[1] / 'sdk'
CRATE = SDK / 'rust/gatehouse-sys/src'

# No offset_of! before Rust 1.77.
CHECKS = '''
use gatehouse_sys::*;
macro_rules! offset {
    ($type:ident, $member:ident) => {{
        let whole = std::mem::MaybeUninit::<$type>::uninit();
        let start = whole.as_ptr();
        let member = unsafe { std::ptr::addr_of!((*start).$member) };
        member as usize - start as usize
    }};
}
fn equal<T: PartialEq + std::fmt::Debug>(what: &str, rust: T, c: T) {
    assert!(rust == c, "{} is {:?} in Rust and {:?} in C", what, rust, c);
}
fn main() {
'''


def member(name):
    return {'type': 'r#type', 'self': 'self_'}.get(name, name)


def checks(frozen):
    for struct, name, offset in re.findall(r'FROZEN\((\w+), (\w+), (\d+)\)', frozen):
        yield f'equal("{struct}.{name}", offset!({struct}, {member(name)}), {offset});'
    for struct, size in re.findall(r'FROZEN_SIZE\((\w+), (\d+)\)', frozen):
        yield f'equal("{struct}", std::mem::size_of::<{struct}>(), {size});'
    for name, value in re.findall(r'^FROZEN_VALUE\((\w+), (-?\w+?)u?\)', frozen, re.M):
        yield f'equal("{name}", {name} as i64, {value});'
    for name, text in re.findall(r'FROZEN_ID\((\w+), ("[^"]+")\)', frozen):
        yield f'equal("{name}", {name}, concat!({text}, "\\0").as_bytes());'


def parameters(text):
    """Their number in a list that contains no other list."""
    return len([part for part in text.split(',') if part.strip() not in ('', 'void')])


def without_callbacks(text):
    """One that takes another is the last to go."""
    shorter = re.sub(r'\(\*\w*\)\([^()]*\)', 'f', text)
    return text if shorter == text else without_callbacks(shorter)


def count_in_c():
    """struct.function: number of parameters, with the parameter list of a callback left out."""
    found = {}
    for header in sorted((SDK / 'include/gatehouse/abi').rglob('*.h')):
        code = re.sub(r'/\*.*?\*/|//[^\n]*', '', header.read_text(), flags=re.S)
        for struct, body in re.findall(r'struct (gh_\w+) \{(.*?)\}', code, re.S):
            for declaration in body.split(';'):
                function = re.search(r'\(\*(\w+)\)\((.*)\)$', declaration.strip(), re.S)
                if function:
                    found[f'{struct}.{function[1]}'] = parameters(without_callbacks(function[2]))
    return found


def count_in_rust():
    found = {}
    for file in sorted(CRATE.glob('*.rs')):
        text = file.read_text()
        for struct, body in re.findall(r'pub struct (gh_\w+) \{\n(.*?)\n\}', text, re.S):
            for name, kind in re.findall(r'pub (?:r#)?(\w+):\s*(.*?),(?=\n    pub |$)', body, re.S):
                kind = re.sub(r'^Option<\s*(unsafe extern.*?),?\s*>$', r'\1', kind, flags=re.S)
                function = re.match(r'unsafe extern "C" fn\((.*)\)', kind, re.S)
                callback = r'(Option<)?unsafe extern "C" fn\([^()]*\)( -> \w+)?>?'
                if function or kind == 'Option<gh_run>':
                    inner = re.sub(callback, 'f', function[1]) if function else 'data, x'
                    found[f'{struct}.{name}'] = parameters(inner)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rustc', default='rustc')
    rustc = parser.parse_args().rustc
    lines = list(checks((HERE / 'frozen.c').read_text()))
    if len(lines) < 250:
        sys.exit(f'frozen.c gave only {len(lines)} checks')
    c, rust = count_in_c(), count_in_rust()
    wrong = [name for name in sorted(c) if c[name] != rust.get(name)]
    for name in wrong:
        print(f'{name} has {c[name]} parameters in C and {rust.get(name)} in Rust')
    with tempfile.TemporaryDirectory(prefix='rust-layout-') as folder:
        source = pathlib.Path(folder) / 'checks.rs'
        source.write_text(CHECKS + '\n'.join(lines) + '\n}\n')
        crate = f'{folder}/libgatehouse_sys.rlib'
        subprocess.run([rustc, '--edition=2021', '--crate-type=rlib', '--crate-name=gatehouse_sys',
                        CRATE / 'lib.rs', '-o', crate], check=True)
        subprocess.run([rustc, '--edition=2021', source, '--extern', f'gatehouse_sys={crate}',
                        '-o', f'{folder}/checks'], check=True)
        subprocess.run([f'{folder}/checks'], check=True)
    print(f'{len(lines)} facts and the parameters of {len(c)} functions agree')
    sys.exit(bool(wrong))


if __name__ == '__main__':
    main()
