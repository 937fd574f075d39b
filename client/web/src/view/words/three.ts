/**
 * Three words for 33 bits, made of syllables: 2,048 words that can be read aloud in any language (PROTOCOL.md, section 10).
 *
 * Each is consonant-vowel-consonant-vowel: 16 consonants and 4 vowels give 64 syllables, of which the first 32 stand in
 * front. The Python client's `backchannel.words` makes the same.
 */

const CONSONANTS = "bdfghjklmnprstvz"
const VOWELS = "aiou"
const SYLLABLES: readonly string[] = [...CONSONANTS].flatMap((one) => [...VOWELS].map((other) => one + other))

/** The word of a number below 2,048. */
export const wordOf = (number: number): string =>
  `${SYLLABLES[Math.floor(number / SYLLABLES.length)]}${SYLLABLES[number % SYLLABLES.length]}`

export const spoken = (numbers: readonly [number, number, number]): readonly string[] => numbers.map(wordOf)
