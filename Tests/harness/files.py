"""Looking at the files of a data folder."""

import hashlib


def fingerprint(folder):
    """Every file of a folder with its content and time of change."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found[str(path.relative_to(folder))] = (
                hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
    return found
