"""A server that lies about the log (PROTOCOL.md, 3, 7, 16): who is lied to stops, and shows nothing false."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

import msgspec

from attack.rooms import rules
from attack.rooms.attacks import Attacks, hold, told_through_a_proxy
from attack.rooms.stage import Seated, Stage, goes_on, heard, say, stops, until
from backchannel import EventIgnored
from backchannel_protocol.events import EventKind, LogEvent
from backchannel_protocol.frames import (
    Ack,
    Attach,
    Attached,
    Checkpoint,
    ClientFrame,
    Events,
    Refused,
    ServerFrame,
    Submit,
)
from backchannel_protocol.ids import parse_b64u
from backchannel_protocol.keys import generate_key
from backchannel_protocol.operations import SeatAdd, encode_operation
from backchannel_protocol.record.note import CheckpointBody, origin, sign_checkpoint

ATTACKS: Attacks[Stage] = Attacks()
Alter = Callable[[LogEvent], LogEvent]
OTHER_ID = bytes(range(16))


def first_only(alter: Callable[[LogEvent], list[LogEvent]]) -> Callable[[LogEvent], list[LogEvent]]:
    """Alters one event and passes on the rest."""
    done: list[LogEvent] = []

    def twist(event: LogEvent) -> list[LogEvent]:
        if done:
            return [event]
        done.append(event)
        return alter(event)

    return twist


def altered(**changes: object) -> Callable[[LogEvent], list[LogEvent]]:
    """One event with other fields."""
    return first_only(lambda event: [msgspec.structs.replace(event, **changes)])


def flipped(event: LogEvent) -> list[LogEvent]:
    """An event with one bit of its body changed."""
    body = event.body or b""
    return [msgspec.structs.replace(event, body=body[:-1] + bytes([body[-1] ^ 1]))]


def repeating() -> Callable[[LogEvent], list[LogEvent]]:
    """The first event comes twice, and the rest is numbered accordingly."""
    seen: list[LogEvent] = []

    def twist(event: LogEvent) -> list[LogEvent]:
        seen.append(event)
        if len(seen) > 1:
            return [msgspec.structs.replace(event, seq=event.seq + 1)]
        return [event, msgspec.structs.replace(event, seq=event.seq + 1)]

    return twist


def swapping() -> Callable[[LogEvent], list[LogEvent]]:
    """The first two events change places."""
    held: list[LogEvent] = []

    def twist(event: LogEvent) -> list[LogEvent]:
        held.append(event)
        if len(held) != 2:
            return [] if len(held) == 1 else [event]
        first, second = held
        return [
            msgspec.structs.replace(second, seq=first.seq, time=first.time),
            msgspec.structs.replace(first, seq=second.seq, time=second.time),
        ]

    return twist


async def lie(stage: Stage, twist: Callable[[LogEvent], list[LogEvent]]) -> tuple[Seated, Seated]:
    """Ann says "attacked" and "marker"; Bo's server twists the first."""
    ann, bo = await stage.pair()
    bo.proxy.event = twist
    await say(ann, "attacked")
    await say(ann, "marker")
    return ann, bo


async def bo_stops(stage: Stage, twist: Callable[[LogEvent], list[LogEvent]], code: str, *shown: str) -> None:
    """Bo stops with a code, having been shown "one", "two" and `shown`; Ann goes on."""
    ann, bo = await lie(stage, twist)
    await stops(bo, code, by="marker", shown=["one", "two", *shown])
    await goes_on(ann)


# ---- one event is not what it was
@ATTACKS.against(rules.the_next_event_and_no_earlier, rules.what_others_verified)
async def leaves_an_event_out(stage: Stage) -> None:
    await bo_stops(stage, first_only(lambda _: []), "log-gap")


@ATTACKS.against(rules.what_others_verified)
async def leaves_an_event_out_and_renumbers_the_rest(stage: Stage) -> None:
    dropped: list[LogEvent] = []

    def twist(event: LogEvent) -> list[LogEvent]:
        if not dropped:
            dropped.append(event)
            return []
        return [msgspec.structs.replace(event, seq=event.seq - 1)]

    await bo_stops(stage, twist, "log-differs")


@ATTACKS.against(rules.what_others_verified)
async def alters_a_body(stage: Stage) -> None:
    await bo_stops(stage, first_only(flipped), "log-differs")


@ATTACKS.against(rules.what_others_verified)
async def alters_an_id(stage: Stage) -> None:
    await bo_stops(stage, altered(id=OTHER_ID), "log-differs", "attacked")


@ATTACKS.against(rules.what_others_verified)
async def alters_an_epoch(stage: Stage) -> None:
    await bo_stops(stage, altered(epoch=0), "log-differs")


@ATTACKS.against(rules.what_others_verified)
async def adds_an_entry_to_the_record(stage: Stage) -> None:
    await bo_stops(stage, altered(leaf=b"\1" + bytes(32)), "log-differs")


@ATTACKS.against(rules.what_others_verified)
async def calls_a_message_governance(stage: Stage) -> None:
    await bo_stops(stage, altered(kind=EventKind.GOVERNANCE), "log-differs")


@ATTACKS.against(rules.what_others_verified)
async def calls_a_message_a_control(stage: Stage) -> None:
    await bo_stops(stage, altered(kind=EventKind.CONTROL), "log-differs")


@ATTACKS.against(rules.what_others_verified)
async def puts_a_message_into_another_seats_mouth(stage: Stage) -> None:
    await bo_stops(stage, altered(seat=OTHER_ID), "log-differs")


@ATTACKS.against(rules.what_others_verified)
async def shows_another_time(stage: Stage) -> None:
    later = first_only(lambda event: [msgspec.structs.replace(event, time=event.time + 1)])

    def no_earlier(event: LogEvent) -> list[LogEvent]:
        (one,) = later(event)
        return [msgspec.structs.replace(one, time=max(one.time, times[-1] if times else 0))]

    times: list[int] = []
    ann, bo = await stage.pair()

    def twist(event: LogEvent) -> list[LogEvent]:
        (one,) = no_earlier(event)
        times.append(one.time)
        return [one]

    bo.proxy.event = twist
    await say(ann, "attacked")
    await say(ann, "marker")
    await stops(bo, "log-differs", by="marker", shown=["one", "two", "attacked"])


@ATTACKS.against(rules.the_next_event_and_no_earlier, rules.what_others_verified)
async def lets_the_clock_go_back(stage: Stage) -> None:
    await bo_stops(stage, altered(time=1), "log-time")


@ATTACKS.against(rules.what_others_verified)
async def lets_two_messages_change_places(stage: Stage) -> None:
    ann, bo = await stage.pair()
    bo.proxy.event = swapping()
    for text in ("attacked", "marker", "after it"):
        await say(ann, text)
    await stops(bo, "log-differs", by="after it", shown=["one", "two"])


@ATTACKS.against(rules.what_others_verified)
async def repeats_a_message(stage: Stage) -> None:
    ann, bo = await lie(stage, repeating())
    await say(ann, "after it")  # what Ann had verified when she said "marker" was true of Bo's log
    await stops(bo, "log-differs", by="after it", shown=["one", "two", "attacked", "marker"])
    await goes_on(ann)


# ---- what the victim itself wrote
async def own(stage: Stage, twist: Callable[[LogEvent], list[LogEvent]], code: str, *shown: str) -> None:
    """Bo says "mine", which comes back twisted, and Ann says "marker"."""
    ann, bo = await stage.pair()
    bo.proxy.event = twist
    await bo.room.send("mine")
    await heard(ann, "mine")
    await say(ann, "marker")
    await stops(bo, code, by="marker", shown=["one", "two", *shown])
    await goes_on(ann)


@ATTACKS.against(rules.own_events_are_as_sent, rules.what_others_verified)
async def alters_an_own_message(stage: Stage) -> None:
    await own(stage, first_only(flipped), "own-altered")


@ATTACKS.against(rules.own_events_are_known, rules.the_next_event_and_no_earlier, rules.what_others_verified)
async def repeats_an_own_message(stage: Stage) -> None:
    await own(stage, repeating(), "own-unknown", "mine")


@ATTACKS.against(rules.own_events_are_known)
async def writes_a_ciphertext_twice_under_two_ids(stage: Stage) -> None:
    ann, bo = await stage.pair()
    sent: list[Submit] = []

    def up(frame: ClientFrame) -> list[ClientFrame]:
        if not isinstance(frame, Submit) or sent:
            return [frame]
        sent.append(frame)
        again = [msgspec.structs.replace(draft, id=os.urandom(16)) for draft in frame.drafts]
        return [frame, Submit(again)]

    bo.proxy.up = up
    await bo.room.send("mine")
    await heard(ann, "mine")
    await say(ann, "marker")
    hold(ann.texts == ["one", "two", "mine", "marker"], f"it was said twice: {ann.texts}")
    await stops(bo, "own-unknown", by="marker", shown=["one", "two", "mine"])
    await goes_on(ann)


# ---- once, and no more often
class StaleEpoch:
    """Takes the first message to the real server and says that its epoch was over.

    The event is kept back until the client has sent the message again.
    """

    def __init__(self, *, together: bool) -> None:
        self._together = together
        self._first = b""
        self._held: list[LogEvent] = []

    def up(self, frame: ClientFrame) -> list[ClientFrame]:
        if isinstance(frame, Submit) and not self._first:
            self._first = frame.drafts[0].id
        return [frame]

    def down(self, frame: ServerFrame) -> list[ServerFrame]:
        """The lie instead of the Ack; the two events come in one frame, or one after the other."""
        if isinstance(frame, Ack) and frame.placed[0].id == self._first:
            return [Refused(self._first, "stale-epoch", "")]
        if not isinstance(frame, Events):
            return [frame]
        if any(one.id == self._first for one in frame.events):
            self._held += frame.events
            return []
        events, self._held = [*self._held, *frame.events], []
        return [Events(events, True)] if self._together else [Events([one], True) for one in events]


async def double(stage: Stage, *, together: bool) -> None:
    ann, bo = await stage.pair()
    liar = StaleEpoch(together=together)
    bo.proxy.up, bo.proxy.down = liar.up, liar.down
    await (await bo.room.send("said once")).sent()
    await say(ann, "marker", bo)
    for one in (ann, bo):
        hold(one.texts.count("said once") == 1, f"it was said {one.texts.count('said once')} times")
    doubled = [fact.code for fact in ann.room.history() if isinstance(fact, EventIgnored)]
    hold(doubled == ["intent-doubled"], f"the second was not told: {doubled}")
    await goes_on(ann, bo)


@ATTACKS.against(rules.an_intent_counts_once)
async def doubles_a_message_by_lying_about_its_epoch(stage: Stage) -> None:
    await double(stage, together=False)


@ATTACKS.against(rules.an_intent_counts_once)
async def doubles_a_message_and_shows_both_at_once(stage: Stage) -> None:
    await double(stage, together=True)


@ATTACKS.against()
async def swallows_an_ack_and_breaks_the_connection(stage: Stage) -> None:
    ann, bo = await stage.pair()
    swallowed: list[ServerFrame] = []

    def down(frame: ServerFrame) -> list[ServerFrame]:
        if isinstance(frame, Ack | Events) and len(swallowed) < 2:
            swallowed.append(frame)
            return []
        return [frame]

    bo.proxy.down = down
    await bo.room.send("said once")
    await heard(ann, "said once")
    await bo.proxy.cut()
    await say(ann, "marker", bo)
    hold(ann.texts == bo.texts == ["one", "two", "said once", "marker"], f"{ann.texts} {bo.texts}")
    await goes_on(ann, bo)


# ---- two logs
@ATTACKS.against(rules.what_others_verified)
async def shows_one_member_a_log_of_its_own(stage: Stage) -> None:
    ann, bo, cy = await stage.trio()
    shift = 1

    bo.proxy.event = lambda event: [msgspec.structs.replace(event, time=event.time + shift)]
    await say(ann, "attacked", bo, cy)
    await bo.room.send("I saw it a second later.")
    shown = ["one", "two", "three", "attacked"]
    await stops(ann, "log-differs", by="I saw it a second later.", shown=shown)
    await stops(cy, "log-differs", by="I saw it a second later.", shown=["three", "attacked"])


@ATTACKS.against(rules.what_others_verified)
async def keeps_a_member_on_a_fork_and_lets_one_message_through(stage: Stage) -> None:
    ann, bo, cy = await stage.trio()
    seq = bo.room.ledger.view.seq
    secret = {ann.room.ledger.view.seat}

    def twist(event: LogEvent) -> list[LogEvent]:
        nonlocal seq
        if event.seat in secret:
            return []
        seq += 1
        return [msgspec.structs.replace(event, seq=seq)]

    bo.proxy.event = twist
    await say(ann, "not for Bo", cy)
    await say(cy, "marker", ann)
    await stops(bo, "log-differs", by="marker", shown=["one", "two", "three"])
    await goes_on(ann, cy)


@ATTACKS.against()
async def is_silent_to_one_member(stage: Stage) -> None:
    """Promised is this alone: nothing counts as sent, nothing false is shown, and the gap shows later."""
    ann, bo = await stage.pair()
    silent = True
    bo.proxy.down = lambda frame: [] if silent else [frame]
    bo.proxy.up = lambda frame: [] if silent else [frame]
    await say(ann, "behind his back")
    mine = await bo.room.send("is anybody there?")
    hold(mine.delivery.value == "waiting", "it counts as sent")
    hold(bo.texts == ["one", "two"], f"it showed {bo.texts}")
    silent = False
    await say(ann, "marker")
    await stops(bo, "log-gap", by="marker", shown=["one", "two"])


# ---- a log that was cut off, or is another's
@ATTACKS.against(rules.the_log_never_shrinks)
async def goes_back_to_an_older_log(stage: Stage) -> None:
    _, bo = await stage.pair()
    seq = bo.room.ledger.view.seq

    shown = asyncio.Event()

    def down(frame: ServerFrame) -> list[ServerFrame]:
        if not isinstance(frame, Attached):
            return [frame]
        shown.set()
        return [msgspec.structs.replace(frame, head=seq - 2)]

    bo.proxy.down = down
    await bo.proxy.cut()
    await shown.wait()
    await until(bo, lambda: bo.room.connected)
    hold(bo.stopped is not None, "it attached to a log that is shorter than its own")
    assert bo.stopped is not None
    hold(bo.stopped.code == "log-shorter", bo.stopped.code)


@ATTACKS.against(rules.what_others_verified)
async def goes_on_from_an_older_log(stage: Stage) -> None:
    """What was written since is forgotten, and other events have its numbers."""
    ann, bo, cy = await stage.trio()
    head = bo.room.ledger.view.seq
    ann.proxy.event = cy.proxy.event = lambda event: [] if event.seq == head + 1 else [lower(event)]

    def lower(event: LogEvent) -> LogEvent:
        return msgspec.structs.replace(event, seq=event.seq - 1)

    await bo.room.send("forgotten by all the others")
    await heard(bo, "forgotten by all the others")
    await ann.room.send("marker")
    await heard(ann, "marker")
    await say(ann, "after it")
    shown = ["one", "two", "three", "forgotten by all the others", "marker"]
    await stops(bo, "log-differs", by="after it", shown=shown)


@ATTACKS.against(rules.the_record_key_is_the_invitations)
async def answers_with_another_record_key(stage: Stage) -> None:
    ann, bo = await stage.pair()
    signed: list[ClientFrame] = []

    def up(frame: ClientFrame) -> list[ClientFrame]:
        if isinstance(frame, Attach):
            signed.append(frame)
        return [frame]

    other = generate_key()
    bo.proxy.down = lambda frame: (
        [msgspec.structs.replace(frame, record_key=other)] if hasattr(frame, "record_key") else [frame]
    )
    bo.proxy.up = up
    await bo.proxy.cut()
    await until(bo, lambda: bo.room._live.error is not None or bool(signed))
    hold(not signed, f"something was sent to it: {signed}")
    error = bo.room._live.error
    hold(error is not None and error.code == "record-key", f"{error}")
    await goes_on(ann)


@ATTACKS.against(rules.the_record_is_the_logs)
async def signs_a_checkpoint_of_another_record(stage: Stage) -> None:
    """With the true record key: what it signs is not what the log says."""
    ann, bo = await stage.pair()
    view = bo.room.ledger.view
    key = stage.server.record_key()
    forged = CheckpointBody(origin(view.room), view.record.size, bytes(32))
    shown = asyncio.Event()

    def down(frame: ServerFrame) -> list[ServerFrame]:
        if not isinstance(frame, Attached):
            return [frame]
        shown.set()
        return [msgspec.structs.replace(frame, checkpoint=sign_checkpoint(forged, key))]

    bo.proxy.down = down
    await bo.proxy.cut()
    await shown.wait()
    await until(bo, lambda: bo.room.connected)
    hold(bo.stopped is not None, "it took the checkpoint")
    assert bo.stopped is not None
    hold(bo.stopped.code == "record-differs", bo.stopped.code)
    await goes_on(ann)


async def promise(stage: Stage, ahead: Seated, *roots: bytes) -> None:
    """Somebody is shown checkpoints of a record that is one entry longer than it is, and no others."""
    view = ahead.room.ledger.view
    bodies = [CheckpointBody(origin(view.room), view.record.size + 1, root) for root in roots]
    ahead.proxy.down = lambda frame: [] if isinstance(frame, Checkpoint) else [frame]
    await ahead.proxy.tell(*(Checkpoint(sign_checkpoint(body, stage.server.record_key())) for body in bodies))


@ATTACKS.against(rules.the_record_is_the_logs)
async def promises_a_record_that_does_not_come(stage: Stage) -> None:
    """What it signed before the log was as far is held against it when it is."""
    ann, bo = await stage.pair()
    await promise(stage, bo, bytes(32))
    await say(ann, "as before", bo)
    await ann.room.set_retention(86_400)
    await say(ann, "marker")
    await until(bo, lambda: "marker" in bo.texts)
    await stops(bo, "record-differs", by="marker", shown=["one", "two", "as before"])
    await goes_on(ann)


@ATTACKS.against(rules.the_record_is_the_logs)
async def signs_two_records_of_one_size(stage: Stage) -> None:
    ann, bo = await stage.pair()
    await promise(stage, bo, bytes(32), bytes(range(32)))
    await say(ann, "marker")
    await stops(bo, "record-differs", by="marker", shown=["one", "two"])
    await goes_on(ann)


# ---- what the server must keep
def withhold(event: LogEvent) -> list[LogEvent]:
    """The server says that it has the body no more."""
    return [msgspec.structs.replace(event, body=None, body_hash=event.hash_of_body())]


async def bo_misses(stage: Stage, kind: EventKind, act: Callable[[Seated], Awaitable[object]]) -> None:
    """The body of the first event of a kind, of what Ann does. He is told so, and stops."""
    ann, bo = await stage.pair()
    bo.proxy.event = lambda event: withhold(event) if event.kind is kind else [event]
    await act(ann)
    await say(ann, "marker")
    last = ann.room.ledger.view.seq
    await until(bo, lambda: bo.room.ledger.view.seq >= last)
    hold(bo.stopped is not None, "the room went on")
    await stops(bo, "body-withheld", by="marker", shown=["one", "two"])
    await goes_on(ann)


@ATTACKS.against(rules.what_the_fold_needs_is_there)
async def withholds_what_was_governed(stage: Stage) -> None:
    await bo_misses(stage, EventKind.GOVERNANCE, lambda ann: ann.room.set_title("Another title"))


@ATTACKS.against(rules.what_the_fold_needs_is_there)
async def withholds_a_commit(stage: Stage) -> None:
    await bo_misses(stage, EventKind.COMMIT, lambda ann: stage.bring(ann, "Cy"))


@ATTACKS.against(rules.what_the_fold_needs_is_there)
async def withholds_an_operation(stage: Stage) -> None:
    await bo_misses(stage, EventKind.CONTROL, lambda ann: stage.bring(ann, "Cy"))


@ATTACKS.against()
async def withholds_a_body_before_its_time(stage: Stage) -> None:
    """A message that the server calls purged is not shown, and is not said to be over."""
    ann, bo = await lie(stage, first_only(withhold))
    await heard(bo, "marker")
    hold(bo.texts == ["one", "two", "marker"], f"it showed {bo.texts}")
    (told,) = [fact for fact in bo.room.history() if isinstance(fact, EventIgnored)]
    hold(told.code == "purged" and "withholds" in told.sentence, told.sentence)
    await goes_on(ann, bo)


# ---- events that nobody wrote
@ATTACKS.against(rules.what_others_verified)
async def invents_a_seat(stage: Stage) -> None:
    ann, bo = await stage.pair()
    body = encode_operation(SeatAdd(None, OTHER_ID, generate_key(), False))
    facilitator = parse_b64u(ann.seat)
    forged = LogEvent(1, 1, facilitator, EventKind.CONTROL, os.urandom(16), 1, body)
    bo.proxy.event = first_only(
        lambda event: [msgspec.structs.replace(forged, seq=event.seq, time=event.time)]
    )
    await say(ann, "attacked")
    await say(ann, "marker")
    hold(set(bo.room.members()) == {ann.seat, bo.seat}, "somebody is in the room")
    await stops(bo, "log-differs", by="marker", shown=["one", "two"])


test_it_fails, test_without_its_rule_it_succeeds = told_through_a_proxy(ATTACKS)
