"""Files of a model's folder, by the names that the library knows."""

import os

from kerasx.checks import invalid
from kerasx.files.json_object import read_json_object

_CONFIG_BYTES = 1 << 24


class FolderFiles:
    """Files of a folder.

    Args:
        folder: path of the folder.

    Raises:
        ValueError: no such folder.
    """

    def __init__(self, folder):
        if not isinstance(folder, (str, os.PathLike)) or not os.path.isdir(folder):
            raise invalid("`folder` must be an existing folder.", folder=folder)
        self.path = os.fspath(folder)

    def at(self, name):
        """Return the path of a file."""
        return os.path.join(self.path, name)

    def has(self, name):
        """Return whether there is a regular file of this name."""
        return os.path.isfile(self.at(name))

    def json(self, name, most=_CONFIG_BYTES):
        """Return the object in a JSON file, None without the file; `most` bytes are read."""
        return read_json_object(self.at(name), most) if self.has(name) else None

    def text(self, name):
        """Return the text of a file in UTF-8, None without the file."""
        if not self.has(name):
            return None
        with open(self.at(name), "rb") as reader:
            data = reader.read(_CONFIG_BYTES)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise invalid(f"`{name}` must be text in UTF-8.", path=self.at(name)) from error
