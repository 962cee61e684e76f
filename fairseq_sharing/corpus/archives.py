"""Archives from elsewhere: nothing is unpacked outside of the folder that it is meant for."""

import tarfile
from pathlib import Path, PurePosixPath

from ..errors import SharingError


def require_inside(archive: Path) -> None:
    """Raise SharingError if a member of a tar archive is not, or points, below its folder.

    Without absolute paths and ".." in names and links, no chain of links leads out of it.
    """
    with tarfile.open(archive) as members:
        for member in members:
            paths = [PurePosixPath(member.name), PurePosixPath(member.linkname)]
            outside = any(path.is_absolute() or ".." in path.parts for path in paths)
            if outside or member.isdev():
                raise SharingError(
                    f"{archive}: its member '{member.name}' would be written or point outside "
                    f"{archive.parent}: nothing was unpacked; remove the file and take the data "
                    "from a source you trust"
                )
