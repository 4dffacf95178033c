"""What errors of stores mean."""

from __future__ import annotations

import errno

import pytest

from restore.stores.faults import credentials_fault, is_transient, told
from restore.stores.patience import patiently


class S3Error(Exception):
    """Like botocore's ``ClientError``."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(f"An error occurred ({code})")
        self.response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}


class HttpError(Exception):
    """Like those of aiohttp, google and azure."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class NoCredentialsError(Exception):
    """Like botocore's."""


class RefreshError(Exception):
    """Like google.auth's."""


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (caused(PermissionError("x"), S3Error("ExpiredToken")), "expired"),
        (S3Error("RequestExpired"), "expired"),
        (RefreshError(), "expired"),
        (caused(OSError("x"), NoCredentialsError()), "no credentials found"),
        (caused(PermissionError("x"), S3Error("SignatureDoesNotMatch")), "refuses the credentials"),
        (HttpError(401), "refuses the credentials"),
    ],
)
def test_credentials(error: Exception, said: str) -> None:
    assert said in credentials_fault(error)
    assert not is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        caused(OSError(errno.EBUSY, "x"), S3Error("SlowDown", 503)),
        S3Error("InternalError", 500),
        HttpError(429),
        HttpError(503),
        TimeoutError(),
        ConnectionResetError(),
        OSError(errno.ETIMEDOUT, "x"),
    ],
)
def test_what_passes(error: Exception) -> None:
    assert is_transient(error)
    assert not credentials_fault(error)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError("x"),
        PermissionError("x"),
        S3Error("AccessDenied", 403),
        HttpError(404),
        ValueError("x"),
        OSError("x"),
    ],
)
def test_what_does_not(error: Exception) -> None:
    assert not is_transient(error)
    assert not credentials_fault(error)


def test_words_have_no_credentials() -> None:
    assert told(ValueError("https://me:hidden1@host/a?token=hidden1")) == "ValueError: https://me:***@host/a?***"
    assert "slow down" in told(S3Error("SlowDown"))


def test_a_busy_store_is_asked_again_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    now, pauses, answers = [0.0], [], [HttpError(503)] * 9 + ["done"]

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def request() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert patiently(request, 0) == "done"
    bounds = [0.5, 1, 2, 4, 8, 16, 20, 20, 20]
    assert all(most / 2 <= pause <= most for pause, most in zip(pauses, bounds, strict=True))


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def request() -> None:
        raise HttpError(503)

    with pytest.raises(HttpError):
        patiently(request, 10)
    assert 3 < now[0] <= 10


def test_other_errors_are_raised_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("waited"))

    def request() -> None:
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        patiently(request, 10)
