"""Which code made something: what the workflow and the commands compare to know whether it must be made again."""

import ast
import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def code_digest(module: str, package: Path = PACKAGE) -> str:
    """Digest the source of a module and of all modules of the package that it imports, directly or not.

    Imports inside functions count. So does every file beside an imported module that is no Python file: templates,
    lists, JSON Schemas. `module` is a full name, such as "rescore.commands.score".
    """
    return digest_files(sources(module, package))


def sources(module: str, package: Path = PACKAGE) -> list[Path]:
    """Return the files that `code_digest` covers, in order."""
    found: set[Path] = set()
    left = [module]
    while left:
        for path in _files(left.pop(), package):
            if path not in found:
                found.add(path)
                left += _imports(path.read_bytes(), package.name) if path.suffix == ".py" else []
    beside = {path for folder in {file.parent for file in found} for path in folder.iterdir() if _is_data(path)}
    return sorted(found | beside)


def _files(name: str, package: Path) -> list[Path]:
    """Return the files that importing a name runs: the module's, and those of the packages it is in but the topmost."""
    parts = name.split(".")
    files = []
    for end in range(2, len(parts) + 1):
        at = package.joinpath(*parts[1:end])
        files += [path for path in (at / "__init__.py", at.with_suffix(".py")) if path.is_file()]
    return files


@functools.cache
def _imports(source: bytes, package: str) -> list[str]:
    """Return the names of the package that a source imports; `from a import b` gives `a.b`, which may be a module."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in names if name.startswith(f"{package}.")]


def _is_data(path: Path) -> bool:
    return path.is_file() and path.suffix not in (".py", ".pyc") and path.name != "py.typed"


def digest_files(paths: Iterable[Path]) -> str:
    """First 12 digits of the SHA-256 over the files' bytes, in order."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
