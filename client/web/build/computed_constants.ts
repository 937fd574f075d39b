/**
 * Vite: constants that a browser computes in less time than it would fetch them in: nobody can compress them.
 *
 * They are computed here first, together, and the build fails unless that gives what the library has there.
 */

import type { Plugin } from "vite"

interface List {
  /** As the library has it; the first group are the numbers. */
  readonly published: RegExp
  /** From what its module computes once. */
  readonly expression: string
}

interface Constants {
  readonly file: RegExp
  readonly name: string
  readonly computed: string
  readonly lists: readonly List[]
}

/** FIPS 180-4, section 4.2.3: the first 64 bits of the fractional parts of the cube roots of the first 80 primes. */
const SHA512_ROUNDS = `(() => {
  const rounds = []
  for (let n = 2n; rounds.length < 80; n++) {
    let root = 2n
    while (root < n && n % root) root++
    if (root < n) continue
    root = 0n
    for (let bit = 1n << 67n; bit; bit >>= 1n) if ((root + bit) ** 3n <= n << 192n) root += bit
    rounds.push(BigInt.asUintN(64, root))
  }
  return rounds
})()`

/** FIPS 203, appendix A: powers of 17 by their bits in reverse order, times 2^16 (Montgomery's form). */
const ZETAS = `Array.from({ length: 128 }, (_, at) => {
  let zeta = 2285
  for (let bit = 0; bit < 7; bit++)
    if ((at >> bit) & 1) for (let times = 64 >> bit; times; times--) zeta = (zeta * 17) % 3329
  return zeta
})`

const CONSTANTS: readonly Constants[] = [
  {
    file: /\/@noble\/hashes\/sha2\.js$/,
    name: "SHA512_ROUNDS",
    computed: SHA512_ROUNDS,
    lists: [
      {
        published: /\[\s*('0x428a2f98d728ae22',[^\]]*)\]\.map\(n => BigInt\(n\)\)/,
        expression: "SHA512_ROUNDS",
      },
      {
        // the same as SHA-512's, of which the first half is taken
        published: /\[\s*(0x428a2f98, 0x71374491,[^\]]*)\]/,
        expression: "SHA512_ROUNDS.slice(0, 64).map((round) => Number(round >> 32n))",
      },
    ],
  },
  {
    file: /\/mlkem\/esm\/src\/consts\.js$/,
    name: "ZETAS",
    computed: ZETAS,
    lists: [
      { published: /\[\s*(2285, 2571,[^\]]*)\]/, expression: "ZETAS" },
      {
        published: /\[\s*(1701, 1807,[^\]]*)\]/,
        expression: "ZETAS.map((_, at) => (at === 127 ? 1441 : 3329 - (ZETAS[127 - at] ?? 0)))",
      },
    ],
  },
]

/** Fails the build where a library has its constants no more, or others. */
export function computeConstants(): Plugin {
  const found = new Set<Constants>()
  return {
    name: "compute-constants",
    apply: "build",
    transform(code, id) {
      const here = CONSTANTS.find(({ file }) => file.test(id))
      if (here === undefined) return undefined
      const published = here.lists.map((one) => numbersIn(one.published.exec(code)?.[1] ?? ""))
      if (published.join("\n") !== valuesOf(here).join("\n")) this.error(`other constants in ${id}`)
      found.add(here)
      return { code: withComputed(code, here), map: null }
    },
    buildEnd(error) {
      if (error === undefined && found.size < CONSTANTS.length) this.error("constants are no longer there")
    },
  }
}

/** The expressions in the places of the lists, and what they share behind the imports. */
function withComputed(code: string, { computed, lists, name }: Constants): string {
  const mended = lists.reduce((made, one) => made.replace(one.published, () => one.expression), code)
  const imports = mended.lastIndexOf("\nimport ")
  const at = imports < 0 ? 0 : mended.indexOf("\n", imports + 1) + 1
  return `${mended.slice(0, at)}const ${name} = /* @__PURE__ */ ${computed};\n${mended.slice(at)}`
}

const numbersIn = (list: string): string =>
  (list.match(/\d\w*/g) ?? []).map((number) => BigInt(number)).join()

/** All lists as they are when the last one is made, as in the module: none may change another. */
function valuesOf({ computed, lists, name }: Constants): readonly string[] {
  const all = lists.map(({ expression }) => expression).join(", ")
  return new Function(`const ${name} = ${computed}; const all = [${all}]; return all.map(String)`)()
}
