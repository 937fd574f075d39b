/** Vite: one copy of SHA-2 and HMAC. @hpke/common carries one of its own of the same library's that everything else uses. */

import type { Plugin } from "vite"

const COPIES = /\/@hpke\/common\/esm\/src\/hash\/(hmac|sha2)\.js$/

/** Fails the build where @hpke/common has no such copies any more: then this is not needed. */
export function shareHashes(): Plugin {
  const found = new Set<string>()
  return {
    name: "share-hashes",
    apply: "build",
    enforce: "pre",
    async resolveId(source, importer, options) {
      if (!/\/(?:hmac|sha2)\.js$/.test(source) || !importer?.includes("/@hpke/")) return null
      const copy = await this.resolve(source, importer, { ...options, skipSelf: true })
      const [, name] = COPIES.exec(copy?.id ?? "") ?? []
      if (name === undefined) return copy
      found.add(name)
      return this.resolve(`@noble/hashes/${name}.js`, undefined, { skipSelf: true })
    },
    buildEnd(error) {
      if (error === undefined && found.size < 2)
        this.error("@hpke/common has no copy of SHA-2 and HMAC any more")
    },
  }
}
