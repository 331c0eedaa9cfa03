"""The packages, built from the build folder: version 0.1.0, and a later one of the same files."""
from fixture import run

NAMES = ('gatehouse', 'gatehouse-plugins', 'libgatehouse-dev')
LATER = '99.0.0'

built = {}


def packages(build, version=None):
    """The files by name; without a version that of the project."""
    if version not in built:
        folder = build / 'package-test' / (version or 'now')
        options = ['-D', f'CPACK_PACKAGE_VERSION={version}'] if version else []
        run('cpack', '--config', build / 'CPackConfig.cmake', '-B', folder, *options, cwd=build)
        files = (max(folder.glob(f'{name}_*.deb'), key=lambda file: file.stat().st_mtime)
                 for name in NAMES)
        built[version] = dict(zip(NAMES, files))
    return built[version]
