"""Addresses: what is one, what its parts are, and that no credentials pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from restore.stores.address import Address, AddressError, is_address, masked, parse


@pytest.mark.parametrize(
    "text", ["s3://b/k", "gs://b", "zip://::a.zip", "zip://x::s3://b/a.zip", "S3://b", "memory://"]
)
def test_addresses_are_recognized(text: str) -> None:
    assert isinstance(parse(text), Address)


@pytest.mark.parametrize("text", ["photos", "-", "C://photos", "C:\\photos", "s3:/b/k", "a::b", "./s3://b", "://x", ""])
def test_everything_else_is_a_path(text: str) -> None:
    assert not is_address(text)
    assert parse(text) == Path(text)


@pytest.mark.parametrize("scheme", ["file", "local", "FILE"])
def test_files_keep_their_fast_path(scheme: str) -> None:
    assert parse(f"{scheme}:///home/x/photos") == Path("/home/x/photos")


@pytest.mark.parametrize(
    ("text", "protocol", "name", "suffix", "below"),
    [
        ("s3://bucket/a/b", "s3", "b", "", "s3://bucket/a/b/c.png"),
        ("s3://bucket/a/b/", "s3", "b", "", "s3://bucket/a/b/c.png"),
        ("s3://bucket", "s3", "bucket", "", "s3://bucket/c.png"),
        ("s3://bucket/x.JPG", "s3", "x.JPG", ".jpg", "s3://bucket/x.JPG/c.png"),
        ("s3://bucket/x.jpg/", "s3", "x.jpg", "", "s3://bucket/x.jpg/c.png"),
        ("zip://::/home/holiday.zip", "zip", "holiday", "", "zip://c.png::/home/holiday.zip"),
        ("zip://in::s3://b/a.zip", "zip", "in", "", "zip://in/c.png::s3://b/a.zip"),
    ],
)
def test_parts(text: str, protocol: str, name: str, suffix: str, below: str) -> None:
    address = Address(text)
    assert (address.protocol, address.name, address.suffix, address.below("c.png")) == (protocol, name, suffix, below)


@pytest.mark.parametrize(
    "text",
    [
        "s3://key:hidden1@bucket/photos",
        "sftp://me:hidden1@host/photos",
        "zip://::sftp://me:hidden1@host/a.zip",
        "https://host/photos?X-Amz-Signature=hidden1",
        "az://box/photos?sv=2024&sig=hidden1",
    ],
)
def test_credentials_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(AddressError, match="environment variables") as refused:
        parse(text)
    assert "hidden1" not in str(refused.value)


def test_a_user_without_a_password_is_no_secret() -> None:
    assert str(parse("sftp://me@host/photos")) == "sftp://me@host/photos"


def test_no_way_up() -> None:
    with pytest.raises(AddressError, match=r"cannot contain '\.\.'"):
        parse("s3://bucket/a/../b")


@pytest.mark.parametrize(
    "text",
    [
        "403 for https://host/k?X-Amz-Credential=AKIA0123456789ABCDEF&X-Amz-Signature=hidden1: no",
        "ftp://me:hidden1@host refused",
        "aws_secret_access_key=hidden1",
        '{"SecretAccessKey": "hidden1"}',
        "Authorization: Bearer hidden1",
        "AccountKey=hidden1;EndpointSuffix=x",
        "sig=hidden1&se=2026",
    ],
)
def test_texts_of_others_are_masked(text: str) -> None:
    assert "hidden1" not in masked(text)
    assert "AKIA0123456789ABCDEF" not in masked(text)


def test_plain_texts_stay() -> None:
    text = "bucket 'photos' has no key a/b c?.png: NoSuchKey"
    assert masked(text) == text
