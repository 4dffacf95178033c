"""Listing, fetching and putting, with an S3 server and with stores in memory and in archives."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from restore.errors import ImageError, MissingExtraError
from restore.stores import listing
from restore.stores.address import Address, AddressError
from restore.stores.faults import CredentialsError, StoreError
from restore.stores.store import Store, StoredObject, name_fault
from tests.stores.conftest import Bucket, Server

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed: pip install '.[dev]'")

Buckets = Callable[[], Bucket]


def names(store: Store, **options: bool) -> list[list[str]]:
    return [[one.name for one in page] for page in store.pages(**options)]


def nothing() -> None:
    pass


@pytest.fixture
def memory() -> Store:
    files = fsspec.filesystem("memory")
    files.store.clear()
    return Store(Address("memory://folder"), 5)


def test_s3_is_listed_by_pages(bucket: Buckets, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    box = bucket()
    for key in ("p/a", "p/b/c", "p/b/", "p/é +%#", "q/other", "p"):
        box[key] = key.encode()
    store = Store(Address(box.at("p")), 5)
    assert names(store) == [["a"], ["b/c", "é +%#"]]  # p/b/ is what a console shows an empty folder by
    assert len(server.asked("GET", box.name, lists=True)) == 2
    assert names(Store(Address(box.at()), 5))[0] == ["p", "p/a"]


def test_a_bucket_must_exist_and_a_folder_need_not(bucket: Buckets) -> None:
    box = bucket()
    assert names(Store(Address(box.at("new")), 5), new=True) == [[]]
    with pytest.raises(AddressError, match="no such folder or bucket"):
        names(Store(Address("s3://nobody-has-this/new"), 5), new=True)


def test_other_stores_are_walked_in_order(memory: Store) -> None:
    for name in ("b/z.png", "a.png", "b/c/d.png", "c.png"):
        memory.put(name, b"x", overwrite=False)
    assert names(memory) == [["a.png", "b/c/d.png", "b/z.png", "c.png"]]
    assert names(Store(Address("memory://"), 5)) == [
        ["folder/a.png", "folder/b/c/d.png", "folder/b/z.png", "folder/c.png"]
    ]
    with pytest.raises(AddressError, match="no such folder"):
        names(Store(Address("memory://nothing"), 5))


def test_an_archive_is_a_store(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x/1.png", b"one")
        archive.writestr("2.png", b"two")
    store = Store(Address(f"zip://::{tmp_path / 'a.zip'}"), 5)
    assert names(store) == [["2.png", "x/1.png"]]
    (page,) = store.pages()
    store.fetch(StoredObject(store, "x/1.png", page[1]), tmp_path / "copy", nothing)
    assert (tmp_path / "copy").read_bytes() == b"one"
    assert len({one.identity for one in page}) == 2
    with pytest.raises(AddressError, match="choose a folder or a bucket"):
        store.refuse_read_only()
    with pytest.raises(AddressError, match="cannot be opened"):
        Store(Address(f"zip://::{tmp_path / 'missing.zip'}"), 5)


def test_the_identity_changes_with_the_content(bucket: Buckets, memory: Store) -> None:
    box = bucket()
    for store, write in ((Store(Address(box.at("x")), 5), box), (memory, None)):
        found = []
        for content in (b"one", b"two", b"three"):
            if write is not None:
                write["x/a"] = content
            else:
                store.put("a", content, overwrite=True)
            (page,) = store.pages()
            again = store.find("a")
            assert again is not None
            assert page[0].identity == again.identity, "a listing and a look at one object tell the same"
            found.append(page[0].identity)
        assert all(len(identity) == 64 for identity in found)
        assert len(set(found)) == 3


def test_a_large_object_is_fetched_in_parts_and_put_at_once(
    bucket: Buckets, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("restore.stores.store._PART", 1000)
    box, data, moved = bucket(), bytes(range(256)) * 10, []
    store = Store(Address(box.at()), 5)
    assert store.put("a/large", data, overwrite=False) == hashlib.md5(data).hexdigest()
    assert server.asked("PUT", box.name) == ["a/large"]
    (page,) = store.pages()
    store.fetch(StoredObject(store, "a/large", page[0]), tmp_path / "copy", lambda: moved.append(1))
    assert (tmp_path / "copy").read_bytes() == data
    assert len(moved) == len(server.asked("GET", box.name)) == 3


def test_what_is_there_is_not_replaced_unasked(bucket: Buckets, memory: Store) -> None:
    for store in (Store(Address(bucket().at("x")), 5), memory):
        store.put("a", b"mine", overwrite=False)
        with pytest.raises(FileExistsError):
            store.put("a", b"foreign", overwrite=False)
        assert store.read("a") == b"mine"
        store.put("a", b"newer", overwrite=True)
        assert store.read("a") == b"newer"


def test_an_answer_that_is_lost_is_no_foreign_object(bucket: Buckets, memory: Store) -> None:
    """The request is made again, and finds what the first one has written."""
    for store in (Store(Address(bucket().at("x")), 5), memory):
        store.put("a", b"mine", overwrite=False)
        assert store.put("a", b"mine", overwrite=False) == ""


def test_a_store_without_conditional_puts_is_written_to_without(bucket: Buckets, server: Server) -> None:
    box, refused = bucket(), []

    def fault(asked: str) -> tuple[int, str] | None:
        if asked.startswith("PUT") and not refused:
            refused.append(asked)
            return 501, "NotImplemented"
        return None

    store = Store(Address(box.at()), 5)
    server.fault = fault
    store.put("a", b"x", overwrite=False)
    store.put("b", b"x", overwrite=False)
    assert box.results() == {"a": b"x", "b": b"x"}
    assert refused == [f"PUT /{box.name}/a"]


def test_where_a_put_is_not_atomic_it_is_renamed_into_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Files(fsspec.get_filesystem_class("local")):
        """A folder that is reached as over SFTP."""

        protocol = "distant"

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return super()._strip_protocol(path.removeprefix("distant://"))

        def pipe_file(self, path: str, value: bytes, **_: object) -> None:
            assert ".restore-" in path
            if value == b"breaks":
                Path(path).write_bytes(value[:3])
                raise ConnectionAbortedError
            super().pipe_file(path, value)

    fsspec.register_implementation("distant", Files, clobber=True)
    store = Store(Address(f"distant://{tmp_path}/out"), 0.1)
    store.put("a/b.png", b"whole", overwrite=False)
    with pytest.raises(StoreError, match=r"cannot write distant://.*/out/a/c\.png"):
        store.put("a/c.png", b"breaks", overwrite=False)
    with pytest.raises(FileExistsError):
        store.put("a/b.png", b"other", overwrite=False)
    assert [path.name for path in (tmp_path / "out/a").iterdir()] == ["b.png"]


def test_an_object_that_vanishes_or_changes(bucket: Buckets, tmp_path: Path) -> None:
    box = bucket()
    box["a"], box["b"] = b"1234", b"1234"
    store = Store(Address(box.at()), 5)
    (page,) = store.pages()
    del box["a"]
    box["b"] = b"4321"
    with pytest.raises(ImageError, match="not there any more"):
        store.fetch(StoredObject(store, "a", page[0]), tmp_path / "a", nothing)
    with pytest.raises(ImageError, match="changed after the folder was listed"):
        store.fetch(StoredObject(store, "b", page[1]), tmp_path / "b", nothing)


def test_no_credentials(bucket: Buckets, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    box = bucket()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CredentialsError, match=r"FSSPEC_S3_ANON=true"):
        names(Store(Address(box.at()), 5))


@pytest.mark.parametrize(
    ("protocol", "package"), [("gs", "gcsfs"), ("az", "adlfs"), ("sftp", "paramiko"), ("smb", "smbprotocol")]
)
def test_a_missing_package_is_named(protocol: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("fsspec.get_filesystem_class", without)
    with pytest.raises(AddressError, match=f"{protocol}:// needs another package: pip install {package}$"):
        Store(Address(f"{protocol}://host/folder"), 5)
    with pytest.raises(MissingExtraError, match=r"restore\[cloud\]"):
        Store(Address("s3://bucket"), 5)


def test_an_unknown_protocol_is_named() -> None:
    with pytest.raises(AddressError, match="s4:// is not a protocol that fsspec knows"):
        Store(Address("s4://bucket"), 5)


def test_a_folder_inside_another(memory: Store, bucket: Buckets) -> None:
    inside = Store(Address("memory://folder/deeper"), 5)
    assert inside.is_inside(memory)
    assert memory.is_inside(memory)
    assert not memory.is_inside(inside)
    assert not Store(Address("memory://folder2"), 5).is_inside(memory)
    assert not Store(Address(bucket().at("folder")), 5).is_inside(memory)


@pytest.mark.parametrize("name", ["../a.png", "a/../../b.png", "/a.png", "a//b.png", "./a.png", "a/.", "a\0.png", ""])
def test_names_that_lead_elsewhere(name: str) -> None:
    assert name_fault(name)


@pytest.mark.parametrize("name", ["a.png", "a b/ü+%2e%2e/c#?.png", "..a/b..png", "a\nb.png", "~/$HOME.png"])
def test_odd_names_that_do_not(name: str) -> None:
    assert not name_fault(name)
