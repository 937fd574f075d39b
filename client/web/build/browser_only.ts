/** Vite: what mlkem does where it does not run in a browser is not fetched by browsers. */

import type { Plugin } from "vite"

const SHIM = /\/mlkem\/esm\/_dnt\.shims\.js$/
const LIBRARY = /\/node_modules\/mlkem\//
const NODE = /const \{ webcrypto \} = await import\("crypto"\);.*\n\s*return webcrypto;/g

/** A member, written out for engines that know no other way to define one. */
const MEMBER =
  /Object\.defineProperty\(this, "(\w+)", \{\s*enumerable: true,\s*configurable: true,\s*writable: true,\s*value: ([^\n]*?),?\s*\}\);/g

/** Fails the build where the library does no such things any more: then this is not needed. */
export function browserOnly(): Plugin {
  const found = { shims: 0, nodes: 0 }
  return {
    name: "browser-only",
    apply: "build",
    transform(code, id) {
      if (!LIBRARY.test(id)) return undefined
      if (SHIM.test(id)) {
        found.shims += 1
        return { code: "export const dntGlobalThis = globalThis", map: null }
      }
      const mended = code.replaceAll(NODE, "throw new Error()")
      if (mended !== code) found.nodes += 1
      return { code: mended.replaceAll(MEMBER, "this.$1 = $2;"), map: null }
    },
    buildEnd(error) {
      if (error === undefined && (found.shims === 0 || found.nodes === 0))
        this.error("mlkem needs no Node any more")
    },
  }
}
