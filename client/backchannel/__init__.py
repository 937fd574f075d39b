"""Backchannel for Python: end-to-end-encrypted rooms for dialogue between opposing sides.

import backchannel

async with backchannel.open_profile("profile.db", passphrase) as client:
    room = await client.join(link, "Amira", show=print)
    await room.accept_rules()
    async for message in room.heard():
        await room.reply(message, "I hear you.")

A profile is a file, sealed under a passphrase, or None for one in memory. What is sent is on disk
first and goes by itself; what `Room.events` tells is on disk before it is told.

A bot is a seat with a scope that everybody sees, given with its invitation: what it is for, what it
reads (`all`; `addressed`: replies to it, and messages that begin with @ and its name; `none`) and
whether it writes. This library keeps the scope: what it does not name is neither handed to the
program nor kept on disk, and `send` is refused.
"""

from backchannel.attachments import File, read_file
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
    LeftBehind,
    MessageExpired,
    MessageRetracted,
    MessageSent,
    MessagesSeen,
    OperationUnfit,
    RoomEnded,
    RoomEntered,
    RoomGoverned,
    RoomStopped,
    SeatJoined,
    SeatLeft,
    SendFailed,
    VoidAsked,
)
from backchannel.speaking import Delivery, Outgoing, Waiting
from backchannel_protocol.room.attachments import Attachment
from backchannel_protocol.room.state import Role, Scope

__all__ = [
    "Attachment",
    "BackchannelError",
    "Client",
    "CommitSkipped",
    "CommitVoided",
    "Delivery",
    "EventIgnored",
    "File",
    "InvitationState",
    "InvitationStatus",
    "KnockArrived",
    "Knocking",
    "LeftBehind",
    "MessageExpired",
    "MessageRetracted",
    "MessageSent",
    "MessagesSeen",
    "NotAllowed",
    "OperationUnfit",
    "Outgoing",
    "ProfileError",
    "Role",
    "Room",
    "RoomEnded",
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
    "VoidAsked",
    "Waiting",
    "open_profile",
    "read_file",
]
