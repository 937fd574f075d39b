"""HTTP bodies, tokens and mailboxes that are not the sender's (PROTOCOL.md, 10 and 12)."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator

import aiohttp
import msgspec
import pytest

from attack.rooms import server_rules as rules
from attack.rooms.attacks import Attacks, hold, told_directly
from attack.rooms.intruder import Scene, attached, other_address, put, said_next, unharmed
from attack.rooms.malformed import Tree, headers, noise, variants
from attack.rooms.stage import Stage
from backchannel import BackchannelError, Role
from backchannel.connection.host import HttpHost
from backchannel_protocol.frames import Mail, Refused
from backchannel_protocol.http_bodies import CreateRoom, Knock
from backchannel_protocol.ids import RoomId
from backchannel_protocol.invitation import Invitation
from backchannel_protocol.keys import generate_key, public_key
from backchannel_protocol.limits import MAX_FRAME_BYTES, MAX_MAIL_STEPS
from server.mail_kit import Invitee
from server.server_kit import Seat, random_id

ATTACKS: Attacks[Stage] = Attacks()
ID = bytes(range(16))
BODIES: dict[str, Tree] = {
    "/v1/rooms": [ID, ID, bytes(32)],
    "/v1/mail": [ID, 1, b"sealed", bytes(32), 1, bytes(64)],
    "/v1/tokens": [1, 1 << 40],
}


async def posted(scene: Scene, path: str, body: bytes, token: str | None = None) -> tuple[int, str]:
    """Status and code of an answer, asked from an address that nobody used yet."""
    headers_ = {} if token is None else {"Authorization": f"Bearer {token}"}
    connector = aiohttp.TCPConnector(local_addr=(other_address(), 0))
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.post(scene.url + path, data=io.BytesIO(body), headers=headers_) as answer,
    ):
        content = await answer.read()
        if answer.status < 300:
            return answer.status, "taken"
        return answer.status, msgspec.msgpack.decode(content, type=Refused).code


def bodies(path: str, seed: int) -> Iterator[bytes]:
    """Malformed ones. A field that may be nil is not malformed without it."""
    yield from (body for body in variants(BODIES[path]) if not _is_whole(path, body))
    yield from headers()
    yield from noise(seed, 20)


def _is_whole(path: str, body: bytes) -> bool:
    """A variation that is allowed: nil, where section 12 says "or nil"."""
    try:
        fields = msgspec.msgpack.decode(body)
    except msgspec.DecodeError:
        return False
    return path == "/v1/mail" and isinstance(fields, list) and fields[2:4].count(None) > 0


@pytest.mark.parametrize("path", BODIES)
async def test_malformed_bodies_are_refused(direct: Stage, path: str, seed: int) -> None:
    async with unharmed(direct) as scene:
        for body in bodies(path, seed):
            status, code = await posted(scene, path, body, direct.server.token)
            hold(
                (status, code) in ((400, "malformed"), (413, "too-large")), f"{body[:60]!r}: {status} {code}"
            )


async def test_oversized_bodies_are_refused(direct: Stage) -> None:
    async with unharmed(direct) as scene:
        for path in BODIES:
            status, code = await posted(scene, path, bytes(4 * MAX_FRAME_BYTES), direct.server.token)
            hold((status, code) == (413, "too-large"), f"{path}: {status} {code}")


async def test_rooms_and_tokens_are_for_who_has_a_token(direct: Stage) -> None:
    async with unharmed(direct) as scene:
        for token in (None, "", "x", "x" * 4000, "..%2f", "é", direct.server.token[:-1]):
            for path in ("/v1/rooms", "/v1/tokens"):
                body = msgspec.msgpack.encode(BODIES[path])
                status, code = await posted(scene, path, body, token)
                hold((status, code) == (401, "bad-token"), f"{path}: {status} {code}")


async def test_a_room_that_exists_is_nobodys_to_create(direct: Stage) -> None:
    async with unharmed(direct) as scene:
        taken = CreateRoom(scene.mallory.room, random_id(), public_key(generate_key()))
        _, code = await posted(scene, "/v1/rooms", msgspec.msgpack.encode(taken), direct.server.token)
        hold(code == "room-exists", code)


async def test_paths_that_lead_nowhere(direct: Stage) -> None:
    record = "/v1/record/"
    async with unharmed(direct) as scene:
        for path in (record + "x", record + "A" * 22, record + "%00", "/v1/nothing", "/v1/ws", "/../passwd"):
            connector = aiohttp.TCPConnector(local_addr=(other_address(), 0))
            async with aiohttp.ClientSession(connector=connector) as http, http.get(scene.url + path) as got:
                hold(400 <= got.status < 500, f"{path}: {got.status}")


@pytest.mark.parametrize("url", ["http://example.org", "http://192.0.2.1:8470", "http://localhost.example"])
def test_a_client_speaks_to_no_far_server_without_tls(url: str) -> None:
    with pytest.raises(BackchannelError) as refused:
        HttpHost(url)
    assert refused.value.code == "server-without-tls"


# ---- knocks at others' doors
class Door:
    """An invitation of Ann's, and what somebody does with it."""

    def __init__(self, scene: Scene, invitation: Invitation) -> None:
        self.scene = scene
        self.invitation = invitation
        self.guest = Invitee(invitation)

    async def ask(self, knock: Knock) -> str:
        return (await posted(self.scene, "/v1/mail", msgspec.msgpack.encode(knock)))[1]

    def claim(self, guest: Invitee) -> Knock:
        return guest.knock(1, self.sealed(1), int(time.time()))

    def sealed(self, step: int) -> bytes:
        return self.invitation.seal(step, b"nonsense", os.urandom(12))


async def open_door(scene: Scene) -> Door:
    return Door(scene, Invitation.parse_link(await scene.ann.room.invite())[1])


@ATTACKS.against(rules.mail_is_signed)
async def knocks_without_the_link(stage: Stage) -> None:
    """The mailbox's id is no secret of the server's; the link is."""
    async with unharmed(stage) as scene:
        door = await open_door(scene)
        now = int(time.time())
        for key, code in ((generate_key(), "bad-signature"), (scene.mallory.private, "bad-signature")):
            got = await door.ask(door.guest.knock(1, b"sealed", now, key=key))
            hold(got == code, f"it was answered with {got}")
        nowhere = Invitee(Invitation(os.urandom(32), bytes(16), bytes(16)))
        got = await door.ask(nowhere.knock(1, b"sealed", now))
        hold(got == "mailbox-closed", f"a mailbox that is not was answered with {got}")


@ATTACKS.against(rules.mail_is_signed)
async def looks_into_somebody_elses_mailbox(stage: Stage) -> None:
    async with unharmed(stage) as scene:
        door = await open_door(scene)
        hold(await door.ask(door.claim(door.guest)) == "taken", "the guest cannot knock")
        thief = Invitee(door.invitation)
        for step in (0, 3):
            got = await door.ask(thief.knock(step, door.sealed(3) if step else None, int(time.time())))
            hold(got == "bad-signature", f"step {step} was answered with {got}")


@ATTACKS.against(rules.mail_is_signed)
async def puts_another_claim_key_under_a_signature(stage: Stage) -> None:
    """Who sees a claim pass would take the mailbox with it."""
    async with unharmed(stage) as scene:
        door = await open_door(scene)
        stolen = msgspec.structs.replace(door.claim(door.guest), claim_key=public_key(generate_key()))
        got = await door.ask(stolen)
        hold(got == "bad-signature", f"it was answered with {got}")
        hold(await door.ask(door.claim(door.guest)) == "taken", "the guest cannot knock any more")


@ATTACKS.against()
async def comes_second_with_a_stolen_link(stage: Stage) -> None:
    async with unharmed(stage) as scene:
        door = await open_door(scene)
        hold(await door.ask(door.claim(door.guest)) == "taken", "the guest cannot knock")
        got = await door.ask(door.claim(Invitee(door.invitation)))
        hold(got == "mailbox-taken", f"it was answered with {got}")


@ATTACKS.against(rules.mail_is_signed)
async def knocks_with_an_old_letter(stage: Stage) -> None:
    async with unharmed(stage) as scene:
        door = await open_door(scene)
        for time_s in (0, int(time.time()) - 3600, int(time.time()) + 3600, (1 << 53) - 1):
            got = await door.ask(door.guest.knock(1, door.sealed(1), time_s))
            hold(got == "expired", f"it was answered with {got}")


@ATTACKS.against(rules.mailboxes_close)
async def knocks_with_a_revoked_link(stage: Stage) -> None:
    async with unharmed(stage) as scene:
        link = await scene.ann.room.invite()
        await scene.ann.room.revoke(link)
        door = Door(scene, Invitation.parse_link(link)[1])
        got = await door.ask(door.claim(door.guest))
        hold(got == "mailbox-closed", f"it was answered with {got}")


@ATTACKS.against()
async def says_too_much_in_one_mailbox(stage: Stage) -> None:
    """Steps of others, steps too early, the same step with other words, more steps than there are."""
    async with unharmed(stage) as scene:
        door = await open_door(scene)
        hold(await door.ask(door.claim(door.guest)) == "taken", "the guest cannot knock")
        now = int(time.time())
        for knock, codes in (
            (door.claim(door.guest), ("duplicate-id",)),
            (door.guest.knock(2, b"x", now), ("not-allowed",)),
            (door.guest.knock(1, None, now), ("malformed",)),
            (door.guest.knock(3, None, now), ("malformed", "out-of-state")),
        ):
            got = await door.ask(knock)
            hold(got in codes, f"step {knock.step} was answered with {got}")


@ATTACKS.against()
async def answers_a_knock_without_the_bit(stage: Stage) -> None:
    async with unharmed(stage) as scene, attached(scene.url, scene.mallory) as line:
        door = await open_door(scene)
        hold(await door.ask(door.claim(door.guest)) == "taken", "the guest cannot knock")
        for step in (1, 2, 3, 4):
            await put(line, Mail(door.invitation.mailbox, step, b"sealed"))
            answer = await said_next(line, Refused)
            hold(isinstance(answer, Refused) and answer.code == "not-allowed", f"{answer}")


@ATTACKS.against()
async def answers_a_knock_at_another_room(stage: Stage) -> None:
    """Mallory facilitates a room of her own on the same server."""
    async with unharmed(stage) as scene:
        door = await open_door(scene)
        hold(await door.ask(door.claim(door.guest)) == "taken", "the guest cannot knock")
        own = Seat(RoomId(random_id()))
        made = msgspec.msgpack.encode(CreateRoom(own.room, own.id, own.key))
        hold((await posted(scene, "/v1/rooms", made, stage.server.token))[1] == "taken", "no room")
        async with attached(scene.url, own) as line:
            for step in (2, 4):
                await put(line, Mail(door.invitation.mailbox, step, b"sealed"))
                answer = await said_next(line, Refused)
                hold(isinstance(answer, Refused) and answer.code == "mailbox-closed", f"{answer}")


@ATTACKS.against()
async def floods_a_mailbox_with_answers(stage: Stage) -> None:
    async with unharmed(stage, Role.FACILITATOR) as scene, attached(scene.url, scene.mallory) as line:
        door = await open_door(scene)
        hold(await door.ask(door.claim(door.guest)) == "taken", "the guest cannot knock")
        for _ in range(2 * MAX_MAIL_STEPS):
            await put(line, Mail(door.invitation.mailbox, 4, os.urandom(40)))
        answer = await said_next(line, Refused)
        hold(isinstance(answer, Refused) and answer.code == "too-many", f"{answer}")


test_it_fails, test_without_its_rule_it_succeeds = told_directly(ATTACKS)
