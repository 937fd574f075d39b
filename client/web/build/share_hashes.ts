/** Vite: one copy of what @noble has. @hpke/common and mlkem carry copies of their own of the same library's modules. */

import { dirname, join } from "node:path"
import type { Plugin } from "vite"

/** The copies, and whose they are; the name of the module is the same, where none is given. */
const COPIES: readonly (readonly [copy: RegExp, library: string, name?: string])[] = [
  [/\/@hpke\/common\/esm\/src\/hash\/(hmac|sha2)\.js$/, "@noble/hashes"],
  [/\/mlkem\/esm\/src\/sha3\/(utils|_u64)\.js$/, "@noble/hashes"],
  [/\/@hpke\/common\/esm\/src\/utils\/(noble)\.js$/, "@noble/curves", "utils"],
]
const MODULES = 5
/** It takes its random bytes from its copy alone, where they come later; who awaits them may have them at once. */
const CURVE = /\/@hpke\/common\/esm\/src\/curve\/montgomery\.js$/

/** Which module of @noble, where the file is a copy. */
function originOf(file: string): { readonly library: string; readonly name: string } | undefined {
  for (const [copy, library, name] of COPIES) {
    const [, module] = copy.exec(file) ?? []
    if (module !== undefined) return { library, name: name ?? module }
  }
  return undefined
}

const isAsked = (source: string, importer: string): boolean =>
  /\/(?:hmac|sha2|utils|_u64|noble)\.js$/.test(source) &&
  /\/(?:@hpke|mlkem)\//.test(importer) &&
  // the hashes of @hpke/common, which are not used, ask for more than there is
  (!source.endsWith("/noble.js") || CURVE.test(importer))

/** Fails the build where there are no such copies any more: then this is not needed. */
export function shareHashes(): Plugin {
  const found = new Set<string>()
  return {
    name: "share-hashes",
    apply: "build",
    enforce: "pre",
    async resolveId(source, importer = "", options) {
      if (!isAsked(source, importer)) return null
      const copy = await this.resolve(source, importer, { ...options, skipSelf: true })
      const origin = originOf(copy?.id ?? "")
      if (origin === undefined) return copy
      found.add(`${origin.library}/${origin.name}`)
      const ours = await this.resolve(`${origin.library}/utils.js`, undefined, { skipSelf: true })
      return ours && join(dirname(ours.id), `${origin.name}.js`)
    },
    transform(code, id) {
      return CURVE.test(id)
        ? { code: code.replaceAll("randomBytesAsync", "randomBytes"), map: null }
        : undefined
    },
    buildEnd(error) {
      if (error === undefined && found.size < MODULES)
        this.error(`of the copies of @noble only ${[...found].join(", ")} are left`)
    },
  }
}
