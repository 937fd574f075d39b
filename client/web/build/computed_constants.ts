/**
 * Vite: constants that a browser computes in less time than it would fetch them in: nobody can compress them.
 *
 * Each expression is computed here first, and the build fails unless it gives what the library has there.
 */

import type { Plugin } from "vite"

interface Constants {
  readonly file: RegExp
  /** The list as the library has it; its first group are the numbers. */
  readonly published: RegExp
  readonly expression: string
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
    published: /\[\s*('0x428a2f98d728ae22',[^\]]*)\]\.map\(n => BigInt\(n\)\)/,
    expression: SHA512_ROUNDS,
  },
  {
    file: /\/@noble\/hashes\/sha2\.js$/,
    published: /\[\s*(0x428a2f98, 0x71374491,[^\]]*)\]/,
    // the same as SHA-512's, of which the first half is taken
    expression: `${SHA512_ROUNDS}.slice(0, 64).map((round) => Number(round >> 32n))`,
  },
  {
    file: /\/mlkem\/esm\/src\/consts\.js$/,
    published: /\[\s*(2285, 2571,[^\]]*)\]/,
    expression: ZETAS,
  },
  {
    file: /\/mlkem\/esm\/src\/consts\.js$/,
    published: /\[\s*(1701, 1807,[^\]]*)\]/,
    expression: `${ZETAS}.reverse().map((zeta, at) => (at === 127 ? 1441 : 3329 - zeta))`,
  },
]

const SHARED: readonly (readonly [expression: string, name: string])[] = [
  [SHA512_ROUNDS, "SHA512_ROUNDS"],
  [ZETAS, "ZETAS"],
]

/** Fails the build where a library has its constants no more, or others. */
export function computeConstants(): Plugin {
  const found = new Set<Constants>()
  return {
    name: "compute-constants",
    apply: "build",
    transform(code, id) {
      const here = CONSTANTS.filter(({ file }) => file.test(id))
      if (here.length === 0) return undefined
      let mended = code
      for (const one of here) {
        const [list = "", numbers = ""] = one.published.exec(mended) ?? []
        if (numbersOf(numbers) !== computed(one.expression)) this.error(`other constants in ${id}`)
        mended = mended.replace(list, () => one.expression)
        found.add(one)
      }
      for (const [expression, name] of SHARED)
        if (mended.includes(expression)) mended = withOne(mended, expression, name)
      return { code: mended, map: null }
    },
    buildEnd(error) {
      if (error === undefined && found.size < CONSTANTS.length) this.error("constants are no longer there")
    },
  }
}

/** What stands there twice is computed once, behind the imports. */
function withOne(code: string, expression: string, name: string): string {
  const imports = code.lastIndexOf("\nimport ")
  const at = imports < 0 ? 0 : code.indexOf("\n", imports + 1) + 1
  const rest = code.slice(at).replaceAll(expression, () => name)
  return `${code.slice(0, at)}const ${name} = /* @__PURE__ */ ${expression};\n${rest}`
}

const numbersOf = (list: string): string =>
  (list.match(/\d\w*/g) ?? []).map((number) => BigInt(number)).join()

/** An expression of this module's own, from above. */
const computed = (expression: string): string => String(new Function(`return ${expression}`)())
