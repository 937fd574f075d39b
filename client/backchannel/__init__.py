"""Backchannel for Python: end-to-end-encrypted rooms for dialogue between opposing sides.

import backchannel

async with backchannel.open_profile("profile.db", passphrase) as client:
    knocking = await client.knock(link, "Amira")
    print(await knocking.words())
    room = await knocking.admitted()
    await room.accept_rules()
    async for event in room.events():
        if isinstance(event, backchannel.MessageSent) and event.seat != room.seat:
            await room.reply(event, "I hear you.")
"""

from backchannel.client import Client, Knocking, open_profile
from backchannel.errors import (
    BackchannelError,
    NotAllowed,
    ProfileError,
    ServerRefused,
    ServerUnreachable,
    Stopped,
)
from backchannel.facilitation.invitations import InvitationState, InvitationStatus
from backchannel.member import Room
from backchannel.room.facts import (
    CommitSkipped,
    CommitVoided,
    EventIgnored,
    KnockArrived,
    MessageExpired,
    MessageRetracted,
    MessageSent,
    MessagesSeen,
    RoomEntered,
    RoomGoverned,
    RoomStopped,
    SeatJoined,
    SeatLeft,
    SendFailed,
)
from backchannel.speaking import Delivery, Outgoing, Waiting
from backchannel_protocol.room.state import Role, Scope

__all__ = [
    "BackchannelError",
    "Client",
    "CommitSkipped",
    "CommitVoided",
    "Delivery",
    "EventIgnored",
    "InvitationState",
    "InvitationStatus",
    "KnockArrived",
    "Knocking",
    "MessageExpired",
    "MessageRetracted",
    "MessageSent",
    "MessagesSeen",
    "NotAllowed",
    "Outgoing",
    "ProfileError",
    "Role",
    "Room",
    "RoomEntered",
    "RoomGoverned",
    "RoomStopped",
    "Scope",
    "SeatJoined",
    "SeatLeft",
    "SendFailed",
    "ServerRefused",
    "ServerUnreachable",
    "Stopped",
    "Waiting",
    "open_profile",
]
