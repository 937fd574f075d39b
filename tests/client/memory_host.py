"""A server in memory for tests: orders Submits as PROTOCOL.md section 5 says, and can be told to lie.

`twist` sees every event on its way to a seat and says what arrives instead; `judge` may refuse a
Submit for no reason, after `keep` decided whether it is written all the same; `losing` loses what
answers the making of a room; `refusing` is said of all chat, `refusing_blobs` of all attachments;
`cutting` breaks off after so many parts, and `showing` says which parts are read instead.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from backchannel.connection.session import Session
from backchannel.errors import ServerRefused, ServerUnreachable
from backchannel_protocol.blobs import part_count
from backchannel_protocol.connection import Connection, Role
from backchannel_protocol.events import Draft, EventKind, LogEvent
from backchannel_protocol.frames import (
    Ack,
    Attach,
    Attached,
    Bye,
    Cursor,
    Events,
    Frame,
    Hello,
    Mail,
    Placed,
    Refused,
    Submit,
    attach_content,
)
from backchannel_protocol.http_bodies import (
    BeginBlob,
    BlobBegun,
    BlobDeleted,
    CreateRoom,
    DeleteBlob,
    ForBlob,
    Knock,
    PartPut,
    PartRead,
    PutPart,
    ReadPart,
    RoomCreated,
    blob_content,
)
from backchannel_protocol.ids import RoomId, Time
from backchannel_protocol.invitation import mail_content
from backchannel_protocol.keys import fingerprint, generate_key, public_key, verify
from backchannel_protocol.operations import (
    CloseRoom,
    InvitationClose,
    InvitationOpen,
    Operation,
    SeatAdd,
    SeatRemove,
    SeatSet,
    VoidCommit,
    parse_operation,
)
from backchannel_protocol.record.merkle import Frontier
from backchannel_protocol.record.note import CheckpointBody, origin, sign_checkpoint
from backchannel_protocol.refusals import Code
from backchannel_protocol.room.clear import Clear, first_clear, follow
from backchannel_protocol.room.void import Verdict, judge_void

Twist = Callable[[bytes, LogEvent], list[LogEvent]]


def honest(_: bytes, event: LogEvent) -> list[LogEvent]:
    """What arrives is what was written."""
    return [event]


@dataclass
class Seat:
    key: bytes
    facilitates: bool
    floor: int
    removed: bool = False
    removed_seq: int = 0


@dataclass
class Box:
    room: bytes
    auth: bytes
    expires: int
    claim: bytes | None = None
    closed: bool = False
    letters: list[tuple[int, bytes]] = field(default_factory=list)


@dataclass
class Log:
    room: bytes
    seats: dict[bytes, Seat]
    events: list[LogEvent] = field(default_factory=list)
    clear: Clear = field(default_factory=lambda: first_clear(b"", b""))
    closed: bool = False


class MemoryHost:
    """A `backchannel.connection.host.Host`. `clock` is the server's time in seconds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.url = "https://memory.example"
        self.record_key = generate_key()
        self.logs: dict[bytes, Log] = {}
        self.boxes: dict[bytes, Box] = {}
        self.pipes: list[MemoryPipe] = []
        self.down = False
        self.losing = False
        self.refusing: Code | None = None
        self.twist: Twist = honest
        self.lies: list[Callable[[Submit], bool]] = []
        self.clock = clock
        self.blobs: dict[tuple[bytes, bytes], tuple[int, dict[int, bytes]]] = {}
        self.puts, self.cutting = 0, -1
        self.refusing_blobs: Code | None = None
        self.showing: Callable[[list[bytes]], list[bytes]] = list

    def at(self, _: str) -> MemoryHost:
        """For `open_profile(hosts=…)`."""
        return self

    # ---- attachments
    async def begin_blob(self, request: BeginBlob) -> BlobBegun:
        self._know(request)
        size, parts = self.blobs.setdefault((request.room, request.blob), (request.size, {}))
        if size != request.size:
            raise ServerRefused(Code.DUPLICATE_ID.value, Code.DUPLICATE_ID.sentence)
        return BlobBegun(sorted(parts))

    async def put_part(self, request: PutPart) -> PartPut:
        self._know(request)
        size, parts = self._blob(request)
        parts[request.number] = request.body
        self.puts += 1
        return PartPut(part_count(size) - len(parts))

    async def read_part(self, request: ReadPart) -> PartRead:
        self._know(request)
        size, parts = self._blob(request)
        shown = self.showing([parts[number] for number in sorted(parts)])
        if len(parts) < part_count(size) or request.number >= len(shown):
            raise ServerRefused(Code.UNKNOWN_BLOB.value, Code.UNKNOWN_BLOB.sentence)
        return PartRead(shown[request.number])

    async def delete_blob(self, request: DeleteBlob) -> BlobDeleted:
        self._know(request)
        return BlobDeleted(self.blobs.pop((request.room, request.blob), None) is not None)

    def _know(self, request: ForBlob) -> None:
        """Down after some parts, where a test says so; else it looks who asks."""
        self._require_up()
        if isinstance(request, PutPart) and self.puts == self.cutting:
            raise ServerUnreachable
        if self.refusing_blobs is not None:
            raise ServerRefused(self.refusing_blobs.value, self.refusing_blobs.sentence)
        seat = self.logs[request.room].seats[request.seat]
        verify(seat.key, "blob", blob_content(request, public_key(self.record_key)), request.signature)
        assert abs(request.time - self.clock()) <= 300

    def _blob(self, request: ForBlob) -> tuple[int, dict[int, bytes]]:
        found = self.blobs.get((request.room, request.blob))
        if found is None:
            raise ServerRefused(Code.UNKNOWN_BLOB.value, Code.UNKNOWN_BLOB.sentence)
        return found

    # ---- HTTP
    async def create_room(self, token: str, request: CreateRoom) -> RoomCreated:
        self._require_up()
        if token != "token":
            raise ServerRefused(Code.BAD_TOKEN.value, Code.BAD_TOKEN.sentence)
        log = self.logs.get(request.room)
        if log is None:
            seats = {request.seat: Seat(request.seat_key, True, 1)}
            self.logs[request.room] = Log(request.room, seats, clear=first_clear(request.room, request.seat))
        elif log.events or request.seat not in log.seats:
            raise ServerRefused(Code.ROOM_EXISTS.value, Code.ROOM_EXISTS.sentence)
        if self.losing:
            raise ServerUnreachable
        return RoomCreated(public_key(self.record_key), self.checkpoint(request.room))

    async def mail(self, request: Knock) -> list[Mail]:
        self._require_up()
        box = self.boxes.get(request.mailbox)
        if abs(self.clock() - request.time) > 300 or (box and box.expires <= self.clock()):
            raise ServerRefused(Code.EXPIRED.value, Code.EXPIRED.sentence)
        if box is None or (request.step == 1 and box.closed and box.claim is None):
            raise ServerRefused(Code.MAILBOX_CLOSED.value, Code.MAILBOX_CLOSED.sentence)
        if request.step == 1 and box.claim not in (None, request.claim_key):
            raise ServerRefused(Code.MAILBOX_TAKEN.value, Code.MAILBOX_TAKEN.sentence)
        key = box.auth if request.step == 1 else box.claim
        assert key is not None
        time = Time(request.time)
        content = mail_content(request.mailbox, request.step, time, request.claim_key, request.sealed)
        verify(key, "mail", content, request.signature)
        if request.step == 1:
            box.claim = request.claim_key
        if request.sealed is not None:
            known = dict(box.letters).get(request.step)
            assert known in (None, request.sealed)
            if known is None:
                box.letters.append((request.step, request.sealed))
                for pipe in self.pipes:
                    pipe.tell_mail(request.mailbox, request.step, request.sealed)
        return [Mail(request.mailbox, step, sealed) for step, sealed in box.letters if step in (2, 4)]

    async def open(self) -> Session:
        self._require_up()
        pipe = MemoryPipe(self)
        return Session(pipe)

    def checkpoint(self, room: bytes) -> str:
        """The record so far, signed."""
        leaves = [event.leaf for event in self.logs[room].events if event.leaf is not None]
        tree = Frontier().extend(leaves)
        return sign_checkpoint(CheckpointBody(origin(RoomId(room)), tree.size, tree.root()), self.record_key)

    def break_all(self) -> None:
        """Every connection breaks."""
        for pipe in list(self.pipes):
            pipe.fail()

    def _require_up(self) -> None:
        if self.down:
            raise ServerUnreachable

    # ---- the log
    def submit(self, log: Log, author: bytes, drafts: list[Draft]) -> Ack | Refused:
        """Section 5, in its order."""
        known = {(event.seat, event.id): event for event in log.events}
        first = known.get((author, drafts[0].id))
        if first is not None:
            placed = [known[author, draft.id] for draft in drafts]
            return Ack([Placed(event.id, event.seq, event.time) for event in placed])
        refusal = self._refusal(log, author, drafts)
        if refusal is not None:
            return Refused(drafts[0].id, refusal.value, refusal.sentence)
        written = [self._write(log, author, draft, len(drafts)) for draft in drafts]
        for pipe in list(self.pipes):
            pipe.tell(log, written)
        return Ack([Placed(event.id, event.seq, event.time) for event in written])

    def _refusal(self, log: Log, author: bytes, drafts: list[Draft]) -> Code | None:
        if log.seats[author].removed:
            return Code.REMOVED
        if log.closed and any(draft.kind is not EventKind.GOVERNANCE for draft in drafts):
            return Code.ROOM_CLOSED
        epoch, opening = log.clear.epoch, log.clear.opening
        for draft in drafts:
            if (draft.epoch, draft.opening) != (epoch, opening):
                return Code.STALE_EPOCH
            if draft.kind is EventKind.COMMIT:
                epoch, opening = epoch + 1, draft.id
        operates = any(draft.kind is EventKind.CONTROL for draft in drafts)
        if operates and not log.seats[author].facilitates:
            return Code.NOT_ALLOWED
        voids = [one.commit for draft in drafts if isinstance(one := _operation_of(draft), VoidCommit)]
        judged = [judge_void(log.clear.top(), log.clear.with_bit(), one, author) for one in voids]
        return Code.NOT_ALLOWED if Verdict.REFUSED in judged else None

    def _write(self, log: Log, author: bytes, draft: Draft, together: int) -> LogEvent:
        time = max(self.clock(), log.events[-1].time if log.events else 0)
        event = LogEvent(
            len(log.events) + 1, time, author, draft.kind, draft.id, draft.epoch, draft.body, draft.leaf
        )
        log.events.append(event)
        followed = follow(log.clear, event)
        log.clear = followed.clear
        if followed.voided is not None:
            for seat in followed.voided.added:
                log.seats[seat].removed = True
            for seat in followed.voided.removed:
                log.seats[seat].removed = False
        if draft.kind is EventKind.CONTROL:
            self._operate(log, draft, event.seq)
        return event

    def _operate(self, log: Log, draft: Draft, seq: int) -> None:
        match parse_operation(draft.body):
            case SeatAdd(seat=seat, seat_key=key, may_facilitate=bit):
                log.seats[seat] = Seat(key, bit, seq)
            case SeatRemove(seat=seat):
                log.seats[seat].removed, log.seats[seat].removed_seq = True, seq
            case SeatSet(seat=seat, may_facilitate=bit):
                log.seats[seat].facilitates = bit
            case InvitationOpen(mailbox=mailbox, auth_key=auth, expires=expires):
                self.boxes[mailbox] = Box(log.room, auth, expires)
            case InvitationClose(mailbox=mailbox):
                self.boxes[mailbox].closed = True
            case CloseRoom():
                log.closed = True
            case _:
                pass


def _operation_of(draft: Draft) -> Operation | None:
    return parse_operation(draft.body) if draft.kind is EventKind.CONTROL else None


class MemoryPipe:
    """Both ends of one connection: what the client sends is answered at once."""

    def __init__(self, host: MemoryHost) -> None:
        self._host = host
        self._connection = Connection(Role.SERVER)
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._nonce = os.urandom(32)
        self.log: Log | None = None
        self.seat = b""
        self._live = False
        host.pipes.append(self)
        self._say(Hello([1], self._nonce, public_key(host.record_key), host.clock()))

    async def send(self, data: bytes) -> None:
        if self._host.down or self not in self._host.pipes:
            raise ServerUnreachable
        self._obey(self._connection.receive(data))

    async def receive(self) -> bytes:
        data = await self._queue.get()
        if data is None:
            raise ServerUnreachable
        return data

    async def close(self) -> None:
        if self in self._host.pipes:
            self._host.pipes.remove(self)

    def fail(self) -> None:
        if self in self._host.pipes:
            self._host.pipes.remove(self)
        self._queue.put_nowait(None)

    def tell(self, log: Log, events: list[LogEvent]) -> None:
        if self._live and self.log is log:
            twisted = [one for event in events for one in self._host.twist(self.seat, event)]
            self._say(Events(twisted, True))
            if log.seats[self.seat].removed:
                self._say(Bye(Code.REMOVED.value, Code.REMOVED.sentence))
                self.fail()

    def tell_mail(self, mailbox: bytes, step: int, sealed: bytes) -> None:
        box = self._host.boxes[mailbox]
        if not self._live or self.log is None or box.room != self.log.room:
            return
        if self.log.seats[self.seat].facilitates:
            self._say(Mail(mailbox, step, sealed))

    def _obey(self, frame: Frame) -> None:
        match frame:
            case Attach():
                self._attach(frame)
            case Submit(drafts=drafts):
                assert self.log is not None
                code = self._host.refusing
                if code is not None and drafts[0].kind is EventKind.CHAT:
                    until_told = 3600 if code in (Code.MUTED, Code.PAUSED, Code.SLOW_MODE) else 1
                    self._say(Refused(drafts[0].id, code.value, code.sentence, None, until_told))
                elif any(lie(frame) for lie in self._host.lies):
                    self._say(Refused(drafts[0].id, Code.STALE_EPOCH.value, ""))
                else:
                    self._say(self._host.submit(self.log, self.seat, drafts))
            case Mail(mailbox=mailbox, step=step, sealed=sealed):
                letters = self._host.boxes[mailbox].letters
                if (step, sealed) not in letters:
                    letters.append((step, sealed))
                for pipe in list(self._host.pipes):
                    pipe.tell_mail(mailbox, step, sealed)
            case Cursor():
                pass
            case _:
                raise AssertionError(frame)

    def _show_removal(self, log: Log, frame: Attach, seat: Seat) -> None:
        """What the seat lacks of the log up to the commit with which it was removed."""
        commits = [event for event in log.events[seat.removed_seq :] if event.kind is EventKind.COMMIT]
        shown = log.events[max(frame.cursor, seat.floor - 1) : commits[0].seq] if commits else []
        if shown:
            last, note = shown[-1], self._host.checkpoint(log.room)
            self._say(Attached(last.seq, last.epoch + 1, last.id, seat.floor, self._host.clock(), note))
            self._say(Events(shown, False))
        self._say(Bye(Code.REMOVED.value, Code.REMOVED.sentence))

    def _attach(self, frame: Attach) -> None:
        host = self._host
        log = host.logs[frame.room]
        seat = log.seats[frame.seat]
        known = fingerprint(public_key(host.record_key))
        content = attach_content(frame.version, self._nonce, frame.room, frame.seat, known)
        verify(seat.key, "attach", content, frame.signature)
        if seat.removed:
            self._show_removal(log, frame, seat)
            return
        for other in [pipe for pipe in host.pipes if pipe.seat == frame.seat and pipe is not self]:
            other.fail()
        self.log, self.seat = log, frame.seat
        note = host.checkpoint(log.room)
        epoch, opening = log.clear.epoch, log.clear.opening
        self._say(Attached(len(log.events), epoch, opening, seat.floor, host.clock(), note))
        first = max(frame.cursor + 1, seat.floor)
        replayed = [one for event in log.events[first - 1 :] for one in host.twist(self.seat, event)]
        for at in range(0, len(replayed), 256):
            self._say(Events(replayed[at : at + 256], False))
        self._live = True
        self._say(Events([], True))
        for mailbox, box in host.boxes.items():
            if box.room == log.room and seat.facilitates and not box.closed:
                for step, sealed in box.letters:
                    if step in (1, 3):
                        self._say(Mail(mailbox, step, sealed))

    def _say(self, frame: Frame) -> None:
        self._queue.put_nowait(self._connection.send(frame))
