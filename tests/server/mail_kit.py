"""An invitee, who has a link and no seat."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import msgspec

from backchannel_protocol.frames import Refused
from backchannel_protocol.http_bodies import Knock, MailSoFar
from backchannel_protocol.ids import Time
from backchannel_protocol.invitation import Invitation, mail_content
from backchannel_protocol.keys import generate_key, public_key, sign
from backchannel_protocol.operations import InvitationOpen
from server.server_kit import Host, Line, post


@dataclass
class Invitee:
    """Who has a link."""

    invitation: Invitation
    claim_private: bytes = field(default_factory=generate_key)

    def knock(self, step: int, sealed: bytes | None, now: int, *, key: bytes | None = None) -> Knock:
        signer = key or (self.invitation.auth_private if step == 1 else self.claim_private)
        claim = public_key(self.claim_private) if step == 1 else None
        content = mail_content(self.invitation.mailbox, step, Time(now), claim, sealed)
        signature = sign(signer, "mail", content)
        return Knock(self.invitation.mailbox, step, sealed, claim, now, signature)

    async def ask(self, host: Host, step: int, sealed: bytes | None) -> list[tuple[int, bytes]] | str:
        """What facilitators wrote so far, or the code of the refusal."""
        return await ask(host, self.knock(step, sealed, host.clock.now))


async def ask(host: Host, knock: Knock) -> list[tuple[int, bytes]] | str:
    status, body = await post(host.url, "/v1/mail", knock)
    if status != 200:
        return msgspec.msgpack.decode(body, type=Refused).code
    return [(one.step, one.sealed) for one in msgspec.msgpack.decode(body, type=MailSoFar).letters]


def new_invitation() -> Invitation:
    return Invitation(secrets.token_bytes(32), bytes(16), bytes(16))


async def open_mailbox(host: Host, line: Line, *, lasts_s: int = 3600) -> Invitee:
    invitee = Invitee(new_invitation())
    operation = InvitationOpen(
        None, invitee.invitation.mailbox, invitee.invitation.auth_key, host.clock.now + lasts_s
    )
    await line.submit(line.seat.operate(operation))
    return invitee
