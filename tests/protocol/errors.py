"""What tests of refusals share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.refusals import Code
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal


@contextmanager
def remote(code: Code = Code.MALFORMED) -> Iterator[None]:
    """The body raises RemoteProtocolError of this code."""
    with pytest.raises(RemoteProtocolError) as caught:
        yield
    assert caught.value.code is code


@contextmanager
def perhaps_remote(*codes: Code) -> Iterator[None]:
    """The body ends well or raises RemoteProtocolError of one of these codes (`malformed`), nothing else."""
    try:
        yield
    except RemoteProtocolError as error:
        if error.code not in (codes or (Code.MALFORMED,)):
            raise


@contextmanager
def refused(code: FoldCode) -> Iterator[None]:
    """The body is refused by the fold with this code."""
    with pytest.raises(FoldRefusal) as caught:
        yield
    assert caught.value.code is code
