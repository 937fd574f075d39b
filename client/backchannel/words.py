"""Three words for 33 bits, made of syllables: 2,048 words that can be read aloud in any language.

Each is consonant-vowel-consonant-vowel: 16 consonants, 4 vowels and their like give 64 syllables,
of which the first 32 stand in front. A list for each language replaces them where there is one.
"""

from __future__ import annotations

from typing import Final

_CONSONANTS: Final = "bdfghjklmnprstvz"
_VOWELS: Final = "aiou"
_SYLLABLES: Final = tuple(consonant + vowel for consonant in _CONSONANTS for vowel in _VOWELS)
WORDS: Final = tuple(first + second for first in _SYLLABLES[:32] for second in _SYLLABLES)
"""2,048 words, all different, each of four letters."""


def spoken(numbers: tuple[int, int, int]) -> tuple[str, str, str]:
    """The words of three numbers below 2,048."""
    first, second, third = numbers
    return WORDS[first], WORDS[second], WORDS[third]
