# SPDX-License-Identifier: Apache-2.0
"""The core itself: the calls of AdminService and TokenService.

All but info and own_token need the scope "admin" where the core has tokens:
PERMISSION_DENIED without it, UNAUTHENTICATED without a token."""
from . import arguments
from .errors import Code, Error
from .v1 import admin_pb2, tokens_pb2


class Admin:
    """Of a Client, which has call and connected."""

    def info(self):
        """The state of the core, a GetInfoResponse: version, epoch, kinds,
        counts, limits (max_batch_events, max_jobs...), store_info, and draining
        when it goes down and takes no new call. Needs any token."""
        return self.call("AdminService/GetInfo", admin_pb2.GetInfoRequest(),
                         admin_pb2.GetInfoResponse)

    # --- upkeep: as long as it takes, whatever timeout_s is ---
    #
    # One of the three runs at a time on a core: FAILED_PRECONDITION else, and
    # when the core keeps its jobs in memory.

    def backup(self, file):
        """Copies the store as it is at one moment, while it is in use, into a
        binary file that is open for writing; returns its size in bytes. As
        runnel.db in a folder of its own it is a store. It holds what jobs and
        tokens hold: let nobody else read it.

        When it raises, the file has a part, which is of no use.
        RESOURCE_EXHAUSTED: the core's disk has no room for the copy;
        DATA_LOSS: pieces are missing at the end."""
        if not callable(getattr(file, "write", None)):
            raise arguments.wrong("file", "a binary file", file)
        stream = self.connected().call("runnel.v1.AdminService/Backup")
        size = total = 0
        try:
            stream.send(admin_pb2.BackupRequest().SerializeToString())
            stream.half_close()
            while (data := stream.receive()) is not None:
                piece = admin_pb2.BackupResponse.FromString(data)
                file.write(piece.data)
                size += len(piece.data)
                total = piece.total_bytes
        finally:
            stream.cancel()
        if size == 0 or size != total:
            raise Error(Code.DATA_LOSS,
                        "there are %d of %d bytes" % (size, total))
        return size

    def check_store(self):
        """Reads all of the store. A CheckStoreResponse: jobs and events that
        were read, problem_count, and the first 100 problems, which are no
        Error."""
        return self.call("AdminService/CheckStore",
                         admin_pb2.CheckStoreRequest(),
                         admin_pb2.CheckStoreResponse, bounded=False)

    def compact_store(self):
        """Gives room that is not used any more back to the file system. A
        CompactStoreResponse: bytes_before and bytes_after, of the file.
        FAILED_PRECONDITION also for the file of an early version."""
        return self.call("AdminService/CompactStore",
                         admin_pb2.CompactStoreRequest(),
                         admin_pb2.CompactStoreResponse, bounded=False)

    # --- tokens ---

    def create_token(self, name, scopes, lifetime_s=None):
        """Makes a token. A CreateTokenResponse: token, and its secret, which
        is told this once. name: 1 to 64 bytes, for people; scopes: one at
        least of "jobs:read", "jobs:write", "events:write", "stats:read",
        "work", "bridge" and "admin", which includes all; lifetime_s: a whole
        number, from 1 to ten years; None: it does not expire.

        From the first token on the core wants one of everybody, at once.

        Errors: INVALID_ARGUMENT names the field; FAILED_PRECONDITION: the
        first token must have the scope "admin" and not expire;
        RESOURCE_EXHAUSTED: there are 1,000."""
        request = tokens_pb2.CreateTokenRequest(
            name=arguments.text("name", name),
            scopes=arguments.each("scopes", scopes, arguments.text))
        if lifetime_s is not None:
            request.lifetime.seconds = arguments.whole(
                "lifetime_s", lifetime_s, 0, 2 ** 53)
        return self.call("TokenService/CreateToken", request,
                         tokens_pb2.CreateTokenResponse)

    def list_tokens(self):
        """The Tokens, at most 1,000, by id; those that have expired too, until
        they are revoked. The secrets are known to nobody."""
        return list(self.call("TokenService/ListTokens",
                              tokens_pb2.ListTokensRequest(),
                              tokens_pb2.ListTokensResponse).tokens)

    def revoke_token(self, token_id):
        """Takes a token away: its connections and calls end at once.
        NOT_FOUND: there is none of that id; FAILED_PRECONDITION: it is the last
        one with the scope "admin", or comes from the core's settings."""
        request = tokens_pb2.RevokeTokenRequest(
            token_id=arguments.text("token_id", token_id))
        self.call("TokenService/RevokeToken", request,
                  tokens_pb2.RevokeTokenResponse)

    def own_token(self):
        """The Token that this client shows; None on a core without tokens,
        where everything is allowed."""
        answer = self.call("TokenService/GetOwnToken",
                           tokens_pb2.GetOwnTokenRequest(),
                           tokens_pb2.GetOwnTokenResponse)
        return answer.token if answer.HasField("token") else None
