/** Vite: one copy of what @noble has. mlkem carries copies of its own of some of @noble/hashes' modules. */

import { dirname, join } from "node:path"
import type { Plugin } from "vite"

const COPY = /\/mlkem\/esm\/src\/sha3\/(utils|_u64)\.js$/
const ASKED = /\/(?:utils|_u64)\.js$/
const MODULES = 2

/** Fails the build where there are no such copies any more: then this is not needed. */
export function shareHashes(): Plugin {
  const found = new Set<string>()
  return {
    name: "share-hashes",
    apply: "build",
    enforce: "pre",
    async resolveId(source, importer = "", options) {
      if (!ASKED.test(source) || !importer.includes("/mlkem/")) return null
      const copy = await this.resolve(source, importer, { ...options, skipSelf: true })
      const [, module] = COPY.exec(copy?.id ?? "") ?? []
      if (module === undefined) return copy
      found.add(module)
      const ours = await this.resolve("@noble/hashes/utils.js", undefined, { skipSelf: true })
      return ours && join(dirname(ours.id), `${module}.js`)
    },
    buildEnd(error) {
      if (error === undefined && found.size < MODULES)
        this.error(`of the copies of @noble only ${[...found].join(", ")} are left`)
    },
  }
}
