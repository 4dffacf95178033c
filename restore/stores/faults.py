"""What errors of stores mean. Every library has its own, so they are told by their codes and names."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from restore.errors import HopelessError, RestoreError
from restore.stores.address import masked

# Codes of S3 and of what speaks its protocol, of HTTP, and of the system.
_EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"})
_REFUSED_CODES = frozenset(
    {
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "InvalidToken",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidSecurity",
        "AuthFailure",
        "AuthenticationFailed",
        "InvalidAuthenticationInfo",
    }
)
_BUSY_CODES = frozenset(
    {
        "SlowDown",
        "ServiceUnavailable",
        "ServerBusy",
        "Throttling",
        "ThrottlingException",
        "RequestLimitExceeded",
        "TooManyRequests",
        "TooManyRequestsException",
        "RequestTimeout",
        "InternalError",
        "OperationTimedOut",
    }
)
_BUSY_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
_BUSY_ERRNOS = frozenset(
    {errno.EBUSY, errno.EAGAIN, errno.ETIMEDOUT, errno.ECONNRESET, getattr(errno, "EREMOTEIO", errno.ETIMEDOUT)}
)
# Names of exception classes of botocore, google.auth, azure, aiohttp, urllib3 and fsspec.
_EXPIRED_NAMES = frozenset(
    {
        "SSOTokenLoadError",
        "UnauthorizedSSOTokenError",
        "TokenRetrievalError",
        "CredentialRetrievalError",
        "RefreshError",
        "ReauthFailError",
    }
)
_MISSING_NAMES = frozenset({"NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError"})
_REFUSED_NAMES = frozenset({"ClientAuthenticationError", "AuthenticationException", "LocalTokenNotFoundError"})
_BUSY_NAMES = frozenset(
    {
        "FSTimeoutError",
        "HTTPClientError",
        "EndpointConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ConnectionClosedError",
        "IncompleteRead",
        "ClientPayloadError",
        "ClientConnectionError",
        "ServerDisconnectedError",
        "ClientOSError",
        "ServiceRequestError",
        "ServiceResponseError",
        "ProtocolError",
    }
)


class CredentialsError(HopelessError):
    """A store does not accept the credentials, or there are none: every later request would fail too."""


class StoreError(RestoreError):
    """A store cannot do what is asked of it."""

    exit_code = 1


class UnusableStoreError(StoreError, HopelessError):
    """A store cannot be listed, or its journal not be written: the job cannot go on."""


def credentials_fault(error: BaseException) -> str:
    """What is wrong with the credentials, a clause; empty if the error is another."""
    for one in _causes(error):
        code, names = _code(one), {kind.__name__ for kind in type(one).__mro__}
        if code in _EXPIRED_CODES or names & _EXPIRED_NAMES:
            return "the credentials have expired: log in again"
        if names & _MISSING_NAMES:
            return (
                "no credentials found: log in with the store's own tools, or set its environment variables (for a "
                "public bucket on S3, FSSPEC_S3_ANON=true)"
            )
        if code in _REFUSED_CODES or names & _REFUSED_NAMES or _status(one) == 401:
            return f"the store refuses the credentials ({code or type(one).__name__}): log in again, or check them"
    return ""


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed a little later: the store is busy, slow or unreachable."""
    if isinstance(error, FileNotFoundError | PermissionError | FileExistsError) or credentials_fault(error):
        return False
    for one in _causes(error):
        if _code(one) in _BUSY_CODES or _status(one) in _BUSY_STATUSES:
            return True
        if isinstance(one, TimeoutError | ConnectionError | EOFError) or getattr(one, "errno", None) in _BUSY_ERRNOS:
            return True
        if {kind.__name__ for kind in type(one).__mro__} & _BUSY_NAMES:
            return True
    return False


def told(error: BaseException) -> str:
    """An error in words, without credentials."""
    if isinstance(error, FileNotFoundError):
        return "it does not exist"
    if isinstance(error, PermissionError):
        return "you have no permission"
    busy = {_code(one) for one in _causes(error)} & {"SlowDown", "ServerBusy", "Throttling", "TooManyRequests"}
    text = masked(" ".join(str(error).split()))[:300]
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"the store asks to slow down ({said})" if busy else said


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was raised from."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__


def _code(error: BaseException) -> str:
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code", ""))
    return str(getattr(error, "error_code", "") or "")


def _status(error: BaseException) -> int:
    """The status of HTTP that an error carries; 0 if none."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    for holder in (error, response):
        for name in ("status", "status_code", "code"):
            value = getattr(holder, name, None)
            if isinstance(value, int):
                return value
    return 0
