"""AWS KMS: Encrypt, Decrypt and ReEncrypt, with the context as encryption context.

Configuration: `access.key.id` and `secret.access.key`, or `profile`, else boto3's own search; `role.arn`,
`role.session.name`, `role.external.id` to act as a role; `region` for a key id that is no ARN; `endpoint` for
something that stands in for AWS.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from tenor.errors import AuthenticationFailed, EncryptionError, KeyNotFound, KmsRefused, KmsUnavailable, MissingExtra
from tenor.keys.kms import NOTHING, Capabilities, Context, Driver

_ALTERED: Final = {"InvalidCiphertextException", "IncorrectKeyException"}
_MISSING: Final = {"NotFoundException", "InvalidArnException"}
_LATER: Final = {
    "DependencyTimeoutException",
    "InternalFailure",
    "KMSInternalException",
    "KeyUnavailableException",
    "LimitExceededException",
    "RequestTimeout",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}


class AwsKms(Driver):
    """One key of AWS KMS. `client` replaces the one made from the configuration."""

    kind = "aws-kms"
    capabilities = Capabilities(context=True, rewrap=True, version=True)

    def __init__(self, key_id: str, config: Mapping[str, str], *, client: Any = None) -> None:
        if not key_id:
            raise KmsRefused(kms=self.kind, action="start", reason="there is no key id")
        self._key_id = key_id
        self._client = client or _client(key_id, config)

    def wrap(self, dek: bytes, context: Context = NOTHING) -> bytes:
        answer = self._ask(
            "wrap", self._client.encrypt, KeyId=self._key_id, Plaintext=dek, EncryptionContext=dict(context)
        )
        return bytes(answer["CiphertextBlob"])

    def unwrap(self, blob: bytes, context: Context = NOTHING) -> bytes:
        answer = self._ask(
            "unwrap", self._client.decrypt, KeyId=self._key_id, CiphertextBlob=blob, EncryptionContext=dict(context)
        )
        return bytes(answer["Plaintext"])

    def rewrap(self, blob: bytes, context: Context = NOTHING) -> bytes:
        answer = self._ask(
            "rewrap",
            self._client.re_encrypt,
            CiphertextBlob=blob,
            SourceEncryptionContext=dict(context),
            DestinationKeyId=self._key_id,
            DestinationEncryptionContext=dict(context),
        )
        return bytes(answer["CiphertextBlob"])

    def _ask(self, action: str, call: Any, **request: Any) -> Mapping[str, Any]:
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            NoCredentialsError,
            ParamValidationError,
            PartialCredentialsError,
        )

        try:
            answer: Mapping[str, Any] = call(**request)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            raise self._told(action, code, status) from None
        except (NoCredentialsError, PartialCredentialsError):
            raise KmsRefused(kms=self.kind, action=action, reason="there are no credentials") from None
        except ParamValidationError:
            if action == "wrap":
                raise KmsRefused(kms=self.kind, action=action, reason="the request cannot be sent") from None
            raise AuthenticationFailed(what="The wrapped key") from None  # an empty blob, or one of 100 kB
        except BotoCoreError as error:
            raise KmsUnavailable(kms=self.kind, action=action, reason=type(error).__name__) from None
        return answer

    def _told(self, action: str, code: str, status: int) -> EncryptionError:
        if code in _ALTERED:
            return AuthenticationFailed(what="The wrapped key")
        if code in _MISSING:
            return KeyNotFound(kms=self.kind, action=action, reason=f"it has no key {self._key_id}")
        cls = KmsUnavailable if code in _LATER or status >= 500 else KmsRefused
        return cls(kms=self.kind, action=action, reason=code or f"status {status}")


def _client(key_id: str, config: Mapping[str, str]) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        raise MissingExtra(purpose="AWS KMS", package="boto3", extra="aws") from None
    parts = key_id.split(":")
    region = parts[3] if len(parts) >= 6 else config.get("region")
    session = boto3.Session(
        region_name=region,
        aws_access_key_id=config.get("access.key.id"),
        aws_secret_access_key=config.get("secret.access.key"),
        profile_name=config.get("profile"),
    )
    if (role := config.get("role.arn") or os.environ.get("AWS_ROLE_ARN")) and not os.environ.get(
        "AWS_WEB_IDENTITY_TOKEN_FILE"
    ):
        session = _as_role(session, role, config)
    limits = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
    return session.client("kms", endpoint_url=config.get("endpoint"), config=limits)


def _as_role(session: Any, role: str, config: Mapping[str, str]) -> Any:
    """A session that acts as a role and renews itself."""
    import boto3
    from botocore.credentials import DeferredRefreshableCredentials, create_assume_role_refresher
    from botocore.session import get_session

    request = {
        "RoleArn": role,
        "RoleSessionName": config.get("role.session.name") or os.environ.get("AWS_ROLE_SESSION_NAME") or "tenor",
    }
    if external := config.get("role.external.id") or os.environ.get("AWS_ROLE_EXTERNAL_ID"):
        request["ExternalId"] = external
    inner = get_session()
    inner._credentials = DeferredRefreshableCredentials(
        method="sts-assume-role",
        refresh_using=create_assume_role_refresher(session.client("sts", endpoint_url=config.get("endpoint")), request),
    )
    return boto3.Session(botocore_session=inner, region_name=session.region_name)
