/** Vite: sentences in errors are for developers; here nobody sees them, and everybody would fetch them. */

import type { Plugin } from "vite"

const TEXT = String.raw`(?:"[^"\n]*"|'[^'\n]*'|\`[^\`\n]*\`)`
const LIBRARIES = /\/node_modules\/(?:@hpke|@noble|mlkem|ts-mls)\//
/** A text, alone or with values beside it. */
const PART = String.raw`(?:${TEXT}|(?:typeof )?[\w.]+)`
const SENTENCE = new RegExp(
  String.raw`(new (?:[A-Z]\w*)?Error\()(?:${TEXT}|${PART}(?: \+ ${PART})+)(?=\))`,
  "g",
)

/** Ours name a code first, for which the catalogues have a sentence. */
const OURS = /\/web\/src\//
const CODED = new RegExp(String.raw`(new [A-Z]\w*Error\(\s*"[a-z-]+",\s*)${TEXT}`, "g")
/** The same where no code stands first, or a function makes the error: codes have no spaces. */
const SAID = /(\b(?:malformed|refuse|new \w*Error)\()"[^"\n]* [^"\n]*"(?=\))/g
const TABLE = /\/src\/protocol\/refusals\.ts$/
const ROW = /^(\s+(?:"[a-z-]+"|[a-z]+): )"[^"\n]*"(?=,$)/gm

/** Only in what is built: tests and development keep the sentences. */
export function terseErrors(): Plugin {
  return {
    name: "terse-errors",
    apply: "build",
    transform(code, id) {
      if (TABLE.test(id)) return { code: code.replaceAll(ROW, '$1""'), map: null }
      if (LIBRARIES.test(id)) return { code: code.replaceAll(SENTENCE, "$1"), map: null }
      if (!OURS.test(id)) return undefined
      return { code: code.replaceAll(CODED, '$1""').replaceAll(SAID, '$1""'), map: null }
    },
  }
}
