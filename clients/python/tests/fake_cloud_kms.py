"""Google Cloud KMS over gRPC on loopback: Encrypt and Decrypt with checksums."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.cloud import kms_v1
from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceGrpcTransport

from tenor.keys.kms.gcp import crc32c


class FakeCloudKms(grpc.GenericRpcHandler):  # type: ignore[misc] # grpc is untyped for mypy here
    """`fail` is a status to answer; `lie` sends bytes that do not fit their checksum."""

    def __init__(self, name: str) -> None:
        self.name, self.aead = name, AESGCM(os.urandom(32))
        self.fail: grpc.StatusCode | None = None
        self.lie = False

    def service(self, call: Any) -> Any:
        method = call.method.rsplit("/", 1)[1]
        request, answer = (
            (kms_v1.EncryptRequest, kms_v1.EncryptResponse)
            if method == "Encrypt"
            else (kms_v1.DecryptRequest, kms_v1.DecryptResponse)
        )
        return grpc.unary_unary_rpc_method_handler(getattr(self, method.lower()), request.deserialize, answer.serialize)

    def checked(self, request: Any, data: bytes, checksum: int, context: grpc.ServicerContext) -> bytes:
        aad = bytes(request.additional_authenticated_data)
        if self.fail is not None:
            context.abort(self.fail, "as told")
        if request.name != self.name:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such key")
        if (checksum, request.additional_authenticated_data_crc32c) != (crc32c(data), crc32c(aad)):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "checksum")
        return aad

    def encrypt(self, request: kms_v1.EncryptRequest, context: grpc.ServicerContext) -> kms_v1.EncryptResponse:
        aad = self.checked(request, request.plaintext, request.plaintext_crc32c, context)
        nonce = os.urandom(12)
        blob = nonce + self.aead.encrypt(nonce, request.plaintext, aad)
        return kms_v1.EncryptResponse(
            name=self.name,
            ciphertext=blob,
            ciphertext_crc32c=crc32c(blob) + self.lie,
            verified_plaintext_crc32c=True,
            verified_additional_authenticated_data_crc32c=True,
        )

    def decrypt(self, request: kms_v1.DecryptRequest, context: grpc.ServicerContext) -> kms_v1.DecryptResponse:
        blob = bytes(request.ciphertext)
        aad = self.checked(request, blob, request.ciphertext_crc32c, context)
        try:
            plaintext = self.aead.decrypt(blob[:12], blob[12:], aad)
        except (InvalidTag, ValueError):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "it does not open")
        return kms_v1.DecryptResponse(plaintext=plaintext, plaintext_crc32c=crc32c(plaintext) + self.lie)


@contextmanager
def serving(fake: FakeCloudKms) -> Iterator[kms_v1.KeyManagementServiceClient]:
    """Google's own client, connected to the fake."""
    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=(fake,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    try:
        yield kms_v1.KeyManagementServiceClient(transport=KeyManagementServiceGrpcTransport(channel=channel))
    finally:
        channel.close()
        server.stop(None).wait()
