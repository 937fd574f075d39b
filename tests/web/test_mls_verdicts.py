"""What a member's commits may not be, one by one: both clients refuse it, or both take it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import pytest

import backchannel_mls as mls
from attack.forge import PathForgery, forge_commit, forge_key_package
from backchannel_mls import LeafIndex, Lifetime
from backchannel_mls.limits import MAX_LIST_ITEMS
from web.company import (
    ANN,
    BEN,
    MALLORY,
    RARE,
    TWIN,
    YEAR_S,
    Company,
    company_of,
    leaf_of,
    listing,
    stranger,
)
from web.driver import MemberProcess
from web.twins import NOW_S


@pytest.fixture(scope="module")
def node() -> Iterator[MemberProcess]:
    with MemberProcess() as process:
        yield process


_COMPANIES: dict[int, Company] = {}


@pytest.fixture(params=[1, 83])
def company(node: MemberProcess, request: pytest.FixtureRequest) -> Company:
    """One for each suite: nobody takes anything for good."""
    suite: int = request.param
    if suite not in _COMPANIES:
        _COMPANIES[suite] = company_of(node, suite)
    return _COMPANIES[suite]


Path = Callable[[Company], PathForgery]

WRONG_PATHS: Final[dict[str, tuple[str, Path]]] = {
    "a leaf that somebody else signed": (
        "leaf-signature-invalid",
        lambda c: PathForgery(leaf_signer=stranger(c.suite)),
    ),
    "a leaf for another group": (
        "leaf-signature-invalid",
        lambda _: PathForgery(leaf_place=(b"elsewhere", MALLORY)),
    ),
    "a leaf for another place": (
        "leaf-signature-invalid",
        lambda c: PathForgery(leaf_place=(c.state.group_id, ANN)),
    ),
    "a leaf of nobody": (
        "credential-unfit",
        lambda _: PathForgery(
            alter_leaf=lambda leaf: replace(leaf, credential=mls.BasicCredential(b"Mallory"))
        ),
    ),
    "a leaf with an extension that it does not list": (
        "leaf-extension-unlisted",
        lambda _: PathForgery(alter_leaf=lambda leaf: replace(leaf, extensions=(mls.Extension(RARE, b""),))),
    ),
    "a leaf with an extension twice": (
        "extension-duplicate",
        lambda _: PathForgery(alter_leaf=lambda leaf: replace(leaf, extensions=(mls.Extension(1, b""),) * 2)),
    ),
    "another parent hash": ("path-parent-hash-wrong", lambda _: PathForgery(parent_hash=bytes(32))),
    "no parent hash": ("path-parent-hash-wrong", lambda _: PathForgery(parent_hash=b"")),
    "the old leaf key": (
        "path-leaf-key-reused",
        lambda c: PathForgery(leaf_key=leaf_of(c, MALLORY).encryption_key),
    ),
    "somebody's leaf key": (
        "path-key-in-tree",
        lambda c: PathForgery(leaf_key=leaf_of(c, ANN).encryption_key),
    ),
    "a node less": (
        "path-length-wrong",
        lambda _: PathForgery(alter_path=lambda path: replace(path, nodes=path.nodes[:-1])),
    ),
    "a node more": (
        "path-length-wrong",
        lambda _: PathForgery(alter_path=lambda path: replace(path, nodes=(*path.nodes, path.nodes[-1]))),
    ),
    "no secrets": (
        "path-ciphertexts-wrong",
        lambda _: PathForgery(
            alter_path=lambda path: replace(
                path, nodes=tuple(replace(one, encrypted_path_secret=()) for one in path.nodes)
            )
        ),
    ),
    "more items in lists than may be": (
        "too-large",
        lambda c: PathForgery(
            alter_leaf=lambda leaf: replace(leaf, capabilities=listing(c.suite, MAX_LIST_ITEMS + 1))
        ),
    ),
}

WRONG_SECRETS: Final[dict[str, tuple[str, Path]]] = {
    "a secret too short": (
        "path-undecryptable",
        lambda _: PathForgery(alter_secret=lambda _, secret: secret[:-1]),
    ),
    "a secret too long": (
        "path-undecryptable",
        lambda _: PathForgery(alter_secret=lambda _, secret: secret + b"\0"),
    ),
    "no secret": ("path-undecryptable", lambda _: PathForgery(alter_secret=lambda _, __: b"")),
    "another secret": (
        "path-key-mismatch",
        lambda _: PathForgery(alter_secret=lambda _, secret: bytes(len(secret))),
    ),
}
"""Who is removed has no secret to look at."""


@pytest.mark.parametrize("wrong", [*WRONG_PATHS, *WRONG_SECRETS])
def test_a_path_that_all_refuse(company: Company, wrong: str) -> None:
    code, path = {**WRONG_PATHS, **WRONG_SECRETS}[wrong]
    refuse(company, company.commit(with_path=True, path=path(company)), code)


@pytest.mark.parametrize("wrong", WRONG_PATHS)
def test_a_path_that_whoever_it_removes_refuses_too(company: Company, wrong: str) -> None:
    code, path = WRONG_PATHS[wrong]
    for others in ([], [company.add()]):
        refuse(company, company.commit(mls.Remove(TWIN), *others, path=path(company)), code)


WRONG_PROPOSALS: Final[dict[str, tuple[str, Callable[[Company], list[mls.Proposal]]]]] = {
    "a KeyPackage that somebody else signed": (
        "key-package-signature-invalid",
        lambda c: [c.add(signer=stranger(c.suite))],
    ),
    "a leaf that somebody else signed": (
        "leaf-signature-invalid",
        lambda c: [c.add(leaf_signer=stranger(c.suite))],
    ),
    "two of them": (
        "-signature-invalid",
        lambda c: [c.add(signer=stranger(c.suite)), c.add(leaf_signer=stranger(c.suite))],
    ),
    "a leaf of nobody": (
        "credential-unfit",
        lambda c: [c.add(alter_leaf=lambda leaf: replace(leaf, credential=mls.BasicCredential(b"Mallory")))],
    ),
    "a leaf with an extension that it does not list": (
        "leaf-extension-unlisted",
        lambda c: [c.add(alter_leaf=lambda leaf: replace(leaf, extensions=(mls.Extension(RARE, b""),)))],
    ),
    "a lifetime that is too long": (
        "leaf-lifetime-too-long",
        lambda c: [c.add(lifetime=Lifetime(NOW_S - 1, NOW_S + YEAR_S))],
    ),
    "a lifetime that nobody lives to see": (
        "leaf-lifetime-too-long",
        lambda c: [c.add(lifetime=Lifetime(0, 2**64 - 1))],
    ),
    "one twice": ("add-twice", lambda c: [mls.Add(one.key_package) for one in [c.bundle()] * 2]),
    "a member again": ("add-of-member", lambda c: [mls.Add(c.ann.key_package)]),
    "somebody removed twice": ("leaf-changed-twice", lambda _: [mls.Remove(BEN), mls.Remove(BEN)]),
    "nobody removed": ("remove-blank", lambda _: [mls.Remove(LeafIndex(4))]),
    "nobody far away removed": ("remove-blank", lambda _: [mls.Remove(LeafIndex(2**31))]),
    "its committer removed": ("remove-of-committer", lambda _: [mls.Remove(MALLORY)]),
    "something that rooms have not": ("proposal-forbidden", lambda _: [mls.GroupContextExtensions(())]),
}


@pytest.mark.parametrize("wrong", WRONG_PROPOSALS)
def test_proposals_that_all_refuse(company: Company, wrong: str) -> None:
    code, make = WRONG_PROPOSALS[wrong]
    for others in ([], [mls.Remove(TWIN)]):  # the twins stay, or are removed with the others
        proposals = make(company)
        refuse(company, company.commit(*others, *proposals, with_path=True), code)
        refuse(company, company.commit(*proposals, *others, with_path=True), code)


def test_the_removed_take_a_commit_with_nothing_wrong(company: Company) -> None:
    take(company, company.commit(mls.Remove(TWIN)))
    take(company, company.commit(mls.Remove(TWIN), company.add()))
    take(company, company.commit(company.add(), mls.Remove(ANN), mls.Remove(TWIN), company.add()))
    refuse(company, company.commit(mls.Remove(TWIN), with_path=False), "path-missing")


@pytest.mark.parametrize("gone", [ANN, BEN, TWIN])
def test_keys_of_who_goes_may_come_again(company: Company, gone: LeafIndex) -> None:
    """Keys are unique among the members of the new tree (RFC 9420, sections 7.3, 12.2 and 12.3)."""
    old = {ANN: company.ann, BEN: company.ben, TWIN: company.inside.bundle}[gone]
    leaf = old.key_package.leaf_node
    pair = (old.encryption_private, leaf.encryption_key)
    forged = Lifetime(NOW_S - 3600, NOW_S + 3600)
    again = {
        "the KeyPackage": old.key_package,
        "the signature key": forge_key_package(old.identity, lifetime=forged).key_package,
        "the encryption key": company.bundle(encryption=pair).key_package,
        "both": forge_key_package(old.identity, encryption=pair, lifetime=forged).key_package,
    }
    for package in again.values():
        refuse(company, company.commit(mls.Add(package)), "")
        refuse(company, company.commit(mls.Add(package), with_path=True), "")
        # removals are applied first, wherever they stand
        take(company, company.commit(mls.Remove(gone), mls.Add(package)))
        take(company, company.commit(mls.Add(package), mls.Remove(gone)))
        refuse(company, company.commit(mls.Remove(gone), mls.Add(package), mls.Add(package)), "add-twice")


def test_as_many_items_in_lists_as_may_be(company: Company) -> None:
    path = forge_commit(company.state, with_path=True).path
    assert path is not None
    assert path.update_path is not None
    others = sum(1 + len(node.encrypted_path_secret) for node in path.update_path.nodes)

    def commit(items: int) -> bytes:
        listed = listing(company.suite, items - others)
        forged = PathForgery(alter_leaf=lambda leaf: replace(leaf, capabilities=listed))
        return company.commit(with_path=True, path=forged)

    take(company, commit(MAX_LIST_ITEMS))
    refuse(company, commit(MAX_LIST_ITEMS + 1), "too-large")


def test_a_key_that_the_path_replaces_may_be_taken_up(company: Company) -> None:
    """What counts is the tree after the path."""
    old = leaf_of(company, MALLORY).encryption_key
    taken_up = company.add(encryption=(b"", old))
    refuse(company, company.commit(taken_up), "encryption-key-duplicate")
    take(company, company.commit(taken_up, with_path=True))


def refuse(company: Company, message: bytes, code: str) -> None:
    ((python, web),) = company.inside.judge([message])
    assert code in python.why
    assert python.taken is None
    assert web.taken is None


def take(company: Company, message: bytes) -> None:
    ((python, web),) = company.inside.judge([message])
    assert python.taken is not None, python.why
    assert web.taken == python.taken, web.why
