"""The files of the project, without what builds and package managers add."""
import os
import pathlib


def files(root, *suffixes):
    """Paths with one of these suffixes, relative to `root`. There must be some."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders
                            if name != 'node_modules' and not name.startswith(('.', 'build')))
        for name in sorted(names):
            if name.endswith(suffixes):
                found.append(str(pathlib.Path(folder, name).relative_to(root)))
    assert found, f'{root} has no {suffixes}'
    return found
