/** Vite: the sentences in errors of libraries are for developers; here nobody sees them, and everybody would fetch them. */

import type { Plugin } from "vite"

const LIBRARIES = /\/node_modules\/(?:@hpke|@noble|mlkem|ts-mls)\//
const SENTENCE = /(new [A-Z]\w*Error\()(?:"[^"\n]*"|'[^'\n]*'|`[^`\n]*`)(?=\))/g

/** Only in what is built: tests and development keep the sentences. */
export function terseErrors(): Plugin {
  return {
    name: "terse-errors",
    apply: "build",
    transform(code, id) {
      if (!LIBRARIES.test(id)) return undefined
      return { code: code.replaceAll(SENTENCE, "$1"), map: null }
    },
  }
}
