"""Open what fsspec opens. The only module that imports it."""

from __future__ import annotations

from typing import Any, Protocol

from restore.errors import MissingExtraError
from restore.stores.address import Address, AddressError, masked
from restore.stores.faults import CredentialsError, credentials_fault, told

# What brings the protocols that do not come with fsspec. The extra has s3fs.
_PACKAGES = {
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "hf": "huggingface_hub",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "smb": "smbprotocol",
    "http": "aiohttp",
    "https": "aiohttp",
    "webhdfs": "requests",
    "hdfs": "pyarrow",
    "oss": "ossfs",
    "oci": "ocifs",
    "webdav": "webdav4",
    "lakefs": "lakefs-spec",
    "libarchive": "libarchive-c",
}

# One of these has all buckets. An object is there whole or not at all, as soon as it is put.
OBJECT_STORES = frozenset(
    {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci", "tos", "lakefs", "hf", "memory"}
)

# What a file system tells of a file: its keys differ from one to the next.
Info = dict[str, Any]


class FileSystem(Protocol):
    """The part of fsspec's ``AbstractFileSystem`` that is used here."""

    protocol: str | tuple[str, ...]

    def _strip_protocol(self, path: str) -> str: ...
    def info(self, path: str) -> Info: ...
    def ls(self, path: str, detail: bool) -> list[Info]: ...
    def cat_file(self, path: str, *, start: int | None = None, end: int | None = None) -> bytes: ...
    def pipe_file(self, path: str, value: bytes, **options: object) -> object: ...
    def rm_file(self, path: str) -> None: ...
    def mv(self, path1: str, path2: str) -> None: ...
    def makedirs(self, path: str, exist_ok: bool) -> None: ...


def open_files(address: Address, opened: dict[str, FileSystem]) -> tuple[FileSystem, str]:
    """The file system of an address, and its path there.

    Credentials come from where its library looks for them: environment variables, configuration files, the machine's
    role.

    Args:
        address: of a folder or an object.
        opened: object stores that the job has opened, by their protocols, which is slow; this one is added.

    Raises:
        MissingExtraError: fsspec or s3fs is not installed.
        AddressError: the protocol is unknown or needs another package, which the message names; or it cannot be opened.
        CredentialsError: there are none, or they are refused.
    """
    purpose = f"{address.protocol}://"
    try:
        import fsspec
    except ModuleNotFoundError as error:
        raise MissingExtraError(purpose, "cloud", error.name) from error
    shared = address.protocol in OBJECT_STORES and "::" not in address.text
    if shared and (known := opened.get(address.protocol)) is not None:
        return known, known._strip_protocol(address.text)
    for layer in address.text.split("::"):
        _check_protocol(layer.partition("://")[0], layer, address)
    try:
        files, path = fsspec.core.url_to_fs(address.text, skip_instance_cache=True)
    except Exception as error:  # each library raises its own
        if fault := credentials_fault(error):
            raise CredentialsError(f"{address}: {fault}") from error
        raise AddressError(f"{address} cannot be opened: {told(error)}") from error
    # A listing must be that of now, and large ones would stay in memory.
    if hasattr(files, "dircache"):
        files.dircache.use_listings_cache = False
    if shared:
        opened[address.protocol] = files
    return files, path


def _check_protocol(protocol: str, layer: str, address: Address) -> None:
    import fsspec

    if "://" not in layer and layer not in fsspec.available_protocols():
        return  # the file of an archive
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        if protocol in ("s3", "s3a"):
            raise MissingExtraError(f"{protocol}://", "cloud", error.name or "s3fs") from error
        package = _PACKAGES.get(protocol)
        more = f": pip install {package}" if package else f": {masked(str(error))}"
        raise AddressError(f"{address}: {protocol}:// needs another package{more}") from error
    except ValueError as error:
        raise AddressError(
            f"{address}: {protocol}:// is not a protocol that fsspec knows; it knows s3, gs, az, hf, sftp, zip and "
            "others, and more by packages of their own"
        ) from error
