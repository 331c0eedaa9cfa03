"""The tree of `cmake --install`, moved elsewhere: plugins are built with it and run in it."""
import os

from fixture import ROOT, check, folder, get, run, serving, test

CONFIG = '''
server: {listen: "127.0.0.1:0"}
pipeline:
  - stamp: {value: moved}
  - health
  - hello: {greeting: Good morning}
'''


@test
def plugins_are_built_and_run_in_a_moved_tree(build):
    with folder() as temporary:
        first, tree = temporary / 'first', temporary / 'moved'
        run('cmake', '--install', build, '--prefix', first)
        first.rename(tree)
        examples = tree / 'share/doc/libgatehouse-dev/examples'
        build_hello(examples / 'hello', temporary / 'hello', tree)
        run('make', '-C', examples / 'c', 'install',
            env={**os.environ, 'PKG_CONFIG_PATH': str(tree / 'share/pkgconfig')})

        config = temporary / 'gatehouse.yaml'
        config.write_text(CONFIG)
        with serving(tree / 'bin/gatehouse', config) as gateway:
            body, headers = get(gateway, '/hello?Ada')
        check(body == 'Good morning, Ada!\n', 'hello responds', body)
        check(headers['X-Stamp'] == 'moved', 'stamp sets', headers['X-Stamp'])


def build_hello(source, build, tree):
    """As its author would: configure, build, test, install."""
    run('cmake', '-S', source, '-B', build, f'-DCMAKE_PREFIX_PATH={tree}')
    run('cmake', '--build', build)
    passed = run('ctest', '--test-dir', build, '--output-on-failure', '--no-tests=error')
    check('100% tests passed' in passed, passed)
    run('cmake', '--install', build)


@test
def another_minor_version_of_the_SDK_is_rejected(build):
    with folder() as temporary:
        run('cmake', '--install', build, '--prefix', temporary, '--component', 'dev')
        source = temporary / 'newer'
        source.mkdir()
        (source / 'CMakeLists.txt').write_text(
            'cmake_minimum_required(VERSION 3.25)\nproject(newer LANGUAGES CXX)\n'
            'find_package(GatehouseSDK 0.2)\n'
            'if(GatehouseSDK_FOUND)\n  message(FATAL_ERROR found)\nendif()\n')
        output = run('cmake', '-S', source, '-B', source / 'build',
                     f'-DCMAKE_PREFIX_PATH={temporary}')
        check('version: 0.1' in output, output)


@test
def the_tests_of_the_project_are_not_installed(build):
    with folder() as temporary:
        run('cmake', '--install', build, '--prefix', temporary)
        plugins = {file.stem for file in (temporary / 'lib/gatehouse/plugins').iterdir()}
        from_source = {file.parent.name for file in ROOT.glob('plugins/*/schema.json')}
        check(plugins == from_source, 'installed:', sorted(plugins))
