"""What a hostile *member* can send: mutated inside, then signed and encrypted as it should be.

Mutations from outside die at the first signature or tag; these reach the rules behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from backchannel_mls import (
    Add,
    ApplicationReceived,
    ContentType,
    ExtensionType,
    ExternalPskId,
    GroupContextExtensions,
    GroupState,
    LeafIndex,
    PreSharedKey,
    Proposal,
    ProposalReceived,
    ReInit,
    RemoteError,
    Remove,
    SenderType,
    StagedCommit,
    Welcome,
    WireFormat,
    create_commit,
    encrypt,
    join_group,
    load_state,
    merge_commit,
    parse_message,
    propose,
    propose_update,
    receive,
    records,
)
from backchannel_mls.codec import parse_all, u8, u32, vector
from backchannel_mls.group.protection import SignedContent, public_message
from backchannel_mls.schedule.key_schedule import epoch_secrets, joiner_secrets, welcome_key_and_nonce
from backchannel_mls.schedule.secret_tree import sender_data_key_and_nonce
from backchannel_mls.tree.ratchet_tree import Node, ParentNode, RatchetTree
from backchannel_mls.types import MLS10, GroupId
from backchannel_mls.wire.commit import HpkeCiphertext
from backchannel_mls.wire.extension import Extension
from backchannel_mls.wire.framing import PublicMessage, Sender, encode_body, framed_content_tbs
from backchannel_mls.wire.message import encode_message
from backchannel_mls.wire.welcome import EncryptedGroupSecrets, GroupInfo, GroupSecrets
from fuzz.mutate import mutate
from fuzz.scenario import NOW_S, PSK_ID, Builder, Scenario, psks

PRIVATE_HEADER: Final = b"\0\1\0\2"


@dataclass(frozen=True)
class Insider:
    """A scenario, and encoded bodies of real proposals and commits of Alice's to mutate."""

    scenario: Scenario
    bodies: tuple[tuple[ContentType, bytes], ...]
    welcome: Welcome
    secrets: GroupSecrets
    info: GroupInfo


def build_insider(suite_id: int, seed: int) -> Insider:
    """All kinds of bodies, taken out of Alice's own PublicMessages."""
    builder = Builder(suite_id, seed)
    scenario = builder.build()
    alice, randbytes = scenario.alice, builder.random.randbytes
    psk = PreSharedKey(ExternalPskId(PSK_ID, randbytes(alice.suite.hash_size)))
    add = Add(builder.bundle("erin").key_package)
    proposals: Sequence[Proposal] = (
        add,
        Remove(LeafIndex(2)),
        psk,
        ReInit(GroupId(b"next"), MLS10, suite_id, ()),
        GroupContextExtensions(()),
    )
    messages = [
        propose(alice, one, private=False, now_s=NOW_S, random=randbytes).message for one in proposals
    ]
    messages.append(propose_update(alice, private=False, random=randbytes).message)
    messages += [
        create_commit(
            alice,
            proposals=some,
            remove=remove,
            private=False,
            force_path=path,
            psks=psks,
            now_s=NOW_S,
            random=randbytes,
        ).message
        for some, remove, path in (
            ((add, psk), (), False),
            ((add,), (2,), True),
            ((), (), True),
            ((GroupContextExtensions(()),), (), True),
        )
    ]
    bodies: list[tuple[ContentType, bytes]] = [(ContentType.APPLICATION, vector(b"application data"))]
    for message in messages:
        parsed = parse_message(message)
        assert isinstance(parsed, PublicMessage)
        bodies.append((parsed.content.content_type, encode_body(parsed.content.body)))
    pending = create_commit(
        alice, add=[scenario.newcomer.key_package], force_path=True, now_s=NOW_S, random=randbytes
    )
    assert pending.welcome is not None
    return Insider(scenario, tuple(bodies), *open_welcome(scenario, pending.welcome))


def open_welcome(scenario: Scenario, data: bytes) -> tuple[Welcome, GroupSecrets, GroupInfo]:
    """What is inside a Welcome for the newcomer."""
    welcome, newcomer = parse_message(data), scenario.newcomer
    assert isinstance(welcome, Welcome)
    suite = newcomer.identity.suite
    sealed = welcome.secrets[0].encrypted_group_secrets
    plain = suite.decrypt_with_label(
        newcomer.init_private,
        b"Welcome",
        welcome.encrypted_group_info,
        sealed.kem_output,
        sealed.ciphertext,
    )
    assert plain is not None
    secrets = parse_all(plain, GroupSecrets.parse)
    joiner = joiner_secrets(suite, secrets.joiner_secret, suite.zero_secret)
    key, nonce = welcome_key_and_nonce(suite, joiner.welcome_secret)
    info = suite.aead_open(key, nonce, welcome.encrypted_group_info, b"")
    assert info is not None
    return welcome, secrets, parse_all(info, GroupInfo.parse)


# ---- messages to the group
def signed_by_alice(alice: GroupState, kind: ContentType, body: bytes, private: bool) -> SignedContent:
    """Any body, signed."""
    wire_format = WireFormat.PRIVATE_MESSAGE if private else WireFormat.PUBLIC_MESSAGE
    sender = Sender(SenderType.MEMBER, alice.own_leaf)
    framed = alice.messages.header + sender.encode() + vector(b"") + u8(kind) + body
    content = framed_content_tbs(wire_format, framed, alice.messages.context)
    key = alice.group.identity.signing_key
    signature = alice.suite.sign_with_label(key, b"FramedContentTBS", content)
    return SignedContent(wire_format, sender, kind, b"", body, framed, signature)


def encrypted_by_alice(alice: GroupState, kind: ContentType, plaintext: bytes, sender_data: bytes) -> bytes:
    """Any plaintext and any sender data, encrypted; `sender_data` empty for the right one."""
    handshake = kind is not ContentType.APPLICATION
    tree = alice.messages.secret_tree
    generation, key, nonce, _ = tree.next_key(alice.own_leaf, handshake=handshake)
    header = alice.messages.header + u8(kind)
    suite = alice.suite
    ciphertext = suite.aead_seal(key, nonce, plaintext, header + vector(b""))
    secret = alice.messages.sender_data_secret
    data_key, data_nonce = sender_data_key_and_nonce(suite, secret, ciphertext)
    right = u32(alice.own_leaf) + u32(generation) + bytes(4)
    sealed = suite.aead_seal(data_key, data_nonce, sender_data or right, header)
    return PRIVATE_HEADER + header + vector(b"") + vector(sealed) + vector(ciphertext)


def mutated_body(insider: Insider, random: Random) -> bytes:
    """A mutated proposal, commit or application data in a message that is otherwise right."""
    alice = insider.scenario.alice
    kind, body = random.choice(insider.bodies)
    changed = mutate(body, [other for _, other in insider.bodies], random)
    private = kind is ContentType.APPLICATION or bool(random.getrandbits(1))
    signed = signed_by_alice(alice, kind, changed, private)
    tag = random.randbytes(alice.suite.hash_size) if kind is ContentType.COMMIT else None
    if not private:
        key = alice.group.keys.membership_key
        return public_message(alice.suite, key, alice.messages.context, signed, tag)
    auth = vector(signed.signature) + (b"" if tag is None else vector(tag))
    return encrypted_by_alice(alice, kind, changed + auth, b"")


def mutated_plaintext(insider: Insider, random: Random) -> bytes:
    """A plaintext mutated after it was signed, or none that makes sense."""
    alice = insider.scenario.alice
    kind, body = random.choice(insider.bodies)
    signed = signed_by_alice(alice, kind, body, private=True)
    tag = b"" if kind is not ContentType.COMMIT else vector(bytes(alice.suite.hash_size))
    plaintext = body + vector(signed.signature) + tag + bytes(random.randrange(40))
    others = [other for _, other in insider.bodies]
    return encrypted_by_alice(alice, kind, mutate(plaintext, others, random), b"")


def mutated_sender_data(insider: Insider, random: Random) -> bytes:
    """Sender data of any leaf, generation and length."""
    alice = insider.scenario.alice
    leaf = random.choice((0, 1, 2, 3, 4, 2**31, 2**32 - 1))
    generation = random.choice((0, 1, 7, 4096, 4097, 2**31, 2**32 - 1))
    data = u32(leaf) + u32(generation) + random.randbytes(4)
    if random.randrange(4) == 0:
        data = mutate(data, [bytes(12)], random) or bytes(1)
    body = vector(b"x")
    signed = signed_by_alice(alice, ContentType.APPLICATION, body, private=True)
    return encrypted_by_alice(alice, ContentType.APPLICATION, body + vector(signed.signature), data)


# ---- Welcomes
def sealed_welcome(insider: Insider, secrets: bytes, info: bytes) -> bytes:
    """A Welcome with this inside."""
    suite, newcomer = insider.scenario.alice.suite, insider.scenario.newcomer
    joiner = joiner_secrets(suite, insider.secrets.joiner_secret, suite.zero_secret)
    key, nonce = welcome_key_and_nonce(suite, joiner.welcome_secret)
    encrypted = suite.aead_seal(key, nonce, info, b"")
    init_key = newcomer.key_package.init_key
    sealed = HpkeCiphertext(*suite.encrypt_with_label(init_key, b"Welcome", encrypted, secrets))
    entry = EncryptedGroupSecrets(newcomer.key_package.reference(suite), sealed)
    return encode_message(Welcome(suite.id, (entry,), encrypted))


def signed_info(insider: Insider, info: GroupInfo) -> bytes:
    """A GroupInfo of Alice's with the right confirmation tag for whatever it says."""
    suite, context = insider.scenario.alice.suite, info.group_context
    joiner = joiner_secrets(suite, insider.secrets.joiner_secret, suite.zero_secret)
    secrets = epoch_secrets(suite, joiner, context.encode())
    tag = suite.mac(secrets.confirmation_key, context.confirmed_transcript_hash)
    tagged = replace(info, confirmation_tag=tag, signature=b"", _raw=b"")
    key = insider.scenario.alice.group.identity.signing_key
    return tagged.with_signature(
        suite.sign_with_label(key, b"GroupInfoTBS", tagged.signed_content())
    ).encode()


def mutated_inside_welcome(insider: Insider, random: Random) -> bytes:
    """Mutated secrets or a mutated GroupInfo, sealed as it should be."""
    secrets, info = insider.secrets.encode(), insider.info.encode()
    others = [secrets, info, *(body for _, body in insider.bodies)]
    if random.getrandbits(1):
        return sealed_welcome(insider, mutate(secrets, others, random), info)
    changed = mutate(info, others, random)
    with suppress(RemoteError):
        changed = signed_info(insider, parse_all(changed, GroupInfo.parse))
    return sealed_welcome(insider, secrets, changed)


def tree_with_faults(nodes: list[Node], random: Random) -> list[Node]:
    """Nodes blanked, doubled, exchanged, or with other unmerged leaves and parent hashes."""
    nodes = list(nodes)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(nodes))
        found = nodes[at]
        choice = random.randrange(5)
        if choice == 0:
            nodes[at] = None
        elif choice == 1:
            other = random.randrange(len(nodes) // 2 + 1) * 2 + (at & 1)
            if other < len(nodes):
                nodes[at], nodes[other] = nodes[other], nodes[at]
        elif choice == 2:
            nodes += [None] * len(nodes) + [nodes[0]]
        elif isinstance(found, ParentNode) or (at & 1 and choice == 3):
            some = sorted({random.choice((0, 1, 2, 3, 9, 2**31, 2**32 - 1)) for _ in range(choice)})
            key = found.encryption_key if found else random.randbytes(32)
            parent_hash = (found and found.parent_hash) or b""
            if random.getrandbits(1):
                parent_hash = random.randbytes(32)
            nodes[at] = ParentNode(key, parent_hash, tuple(map(LeafIndex, some)))
    return nodes


def mutated_tree_in_welcome(insider: Insider, random: Random) -> bytes:
    """Another tree, with everything else made to fit it: only the tree's own rules can refuse it."""
    suite = insider.scenario.alice.suite
    original = next(one.data for one in insider.info.extensions if one.type == ExtensionType.RATCHET_TREE)
    try:
        if random.getrandbits(1):
            tree = RatchetTree.parse(suite, mutate(original, [original], random))
        else:
            nodes = tree_with_faults(RatchetTree.parse(suite, original).nodes, random)
            tree = RatchetTree.of_nodes(suite, nodes)
        encoded = tree.encode()
    except RemoteError:
        return sealed_welcome(insider, insider.secrets.encode(), b"")
    context = replace(insider.info.group_context, tree_hash=tree.tree_hash())
    others = [one for one in insider.info.extensions if one.type != ExtensionType.RATCHET_TREE]
    extensions = (*others, Extension(ExtensionType.RATCHET_TREE, encoded))
    info = replace(insider.info, group_context=context, extensions=extensions)
    secrets = insider.secrets
    if random.getrandbits(1):
        secrets = replace(secrets, path_secret=None)
    return sealed_welcome(insider, secrets.encode(), signed_info(insider, info))


# ---- what the honest client does
def take_message(insider: Insider, data: bytes) -> str:
    """Bob receives it. What he takes leads to a state that can be stored, loaded and used."""
    bob = insider.scenario.bob
    received = receive(bob, data, psks=psks, now_s=NOW_S)
    state = merge_commit(received, bob) if isinstance(received, StagedCommit) else received.state
    check_usable(state)
    return type(received).__name__


def take_signed(insider: Insider, data: bytes) -> str:
    """Bob receives it, and takes only what was signed."""
    received = receive(insider.scenario.bob, data, psks=psks, now_s=NOW_S)
    known = [body for _, body in insider.bodies]
    if isinstance(received, ProposalReceived):
        assert encode_body(received.proposal) in known
    else:
        assert isinstance(received, ApplicationReceived)
        assert vector(received.data) in known
    return type(received).__name__


def take_welcome(insider: Insider, data: bytes) -> str:
    """The newcomer joins by it."""
    state = join_group(insider.scenario.newcomer, data)
    check_usable(state)
    encrypt(state, b"hello", random=bytes)
    return "joined"


def check_usable(state: GroupState) -> None:
    """A state that hostile input led to can be stored and loaded."""
    stored = records(state)
    assert records(load_state(stored)) == stored


Attack = tuple[Callable[[Insider, Random], bytes], Callable[[Insider, bytes], str]]

ATTACKS: Final[tuple[Attack, ...]] = (
    (mutated_body, take_message),
    (mutated_body, take_message),
    (mutated_plaintext, take_signed),
    (mutated_sender_data, take_message),
    (mutated_inside_welcome, take_welcome),
    (mutated_tree_in_welcome, take_welcome),
)
