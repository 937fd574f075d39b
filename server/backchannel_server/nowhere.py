"""What stands at no path: a page for who browses, a coded refusal for programs (PROTOCOL.md, section 12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from backchannel_protocol.refusals import Code
from backchannel_server.answers import refused
from backchannel_server.refusal import Refusal
from backchannel_server.sights import STYLE

_API: Final = "/v1/"
_NOTHING: Final = "There is nothing at this address. Look at it again, or update the program that asked."
_REFUSALS: Final[Mapping[int, Refusal]] = {
    404: Refusal(Code.MALFORMED, sentence=_NOTHING),
    405: Refusal(Code.MALFORMED, sentence=_NOTHING),
    413: Refusal(Code.TOO_LARGE),
}


@dataclass(frozen=True, slots=True)
class _Words:
    direction: str
    title: str
    why: str
    back: str


_PAGES: Final[Mapping[str, _Words]] = {
    "en": _Words(
        "ltr",
        "There is no page here",
        "Perhaps a part of the link is missing. Open the link that you were sent again, from its first to "
        "its last character.",
        "To the beginning",
    ),
    "ar": _Words(
        "rtl",
        "لا توجد صفحة هنا",
        "ربما ينقص جزء من الرابط. افتح الرابط الذي وصلك مرة أخرى، من أول حرف إلى آخر حرف.",
        "إلى البداية",
    ),
}


def answer_nowhere(request: web.Request, error: web.HTTPException) -> web.Response:
    """The answer to a request that no route takes; it says nothing of what was asked for."""
    if _is_browsing(request):
        language = language_of(request.headers.get("Accept-Language", ""))
        answer = web.Response(text=_render(language), status=error.status, content_type="text/html")
    else:
        answer = refused(_REFUSALS.get(error.status, Refusal(Code.MALFORMED)))
        answer.set_status(error.status)
    answer.headers["Vary"] = "Accept, Accept-Language"
    if "Allow" in error.headers:
        answer.headers["Allow"] = error.headers["Allow"]
    return answer


def _is_browsing(request: web.Request) -> bool:
    """Whether a person looks at the answer."""
    is_page = request.method in ("GET", "HEAD") and not request.path.startswith(_API)
    return is_page and "text/html" in request.headers.get("Accept", "")


def language_of(accepted: str) -> str:
    """Of the languages that there are, the one that is wanted most (RFC 9110, section 12.5.4)."""
    wanted = [(one.split("-")[0].strip().lower(), _weight(rest)) for one, _, rest in _listed(accepted)]
    known = [(language, weight) for language, weight in wanted if language in _PAGES and weight > 0]
    return max(known, key=lambda one: one[1], default=("en", 0.0))[0]


def _listed(accepted: str) -> list[tuple[str, str, str]]:
    return [one.partition(";") for one in accepted.split(",")]


def _weight(parameter: str) -> float:
    """Of `q=0.8`; what cannot be read is not wanted."""
    if not parameter.strip():
        return 1.0
    try:
        return float(parameter.strip().removeprefix("q="))
    except ValueError:
        return 0.0


def _render(language: str) -> str:
    words = _PAGES[language]
    return (
        f'<!doctype html><html lang="{language}" dir="{words.direction}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Backchannel</title><style>{STYLE}</style></head><body><main>"
        f'<h1>{words.title}</h1><p>{words.why}</p><p><a href="/">{words.back}</a></p></main></body></html>'
    )
