/**
 * Vite: what the worker imports later is fetched first, with its hash.
 *
 * A browser that could not fetch a module once answers each further import of it with the same failure, until the page is
 * loaded again. What `fetch` could not get is asked for anew; and what it got, the import finds in the browser's cache.
 */

import type { Plugin } from "vite"
import { integrityOf } from "./integrity.ts"

const LATER = /\bimport\(([`"'])\.\/([\w-]+\.js)\1\)/g

/** For the worker's bundle; the build fails where nothing is imported later. */
export function fetchFirst(): Plugin {
  return {
    name: "fetch-first",
    apply: "build",
    generateBundle(_, bundle) {
      let found = 0
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue
        chunk.code = chunk.code.replaceAll(LATER, (imported: string, _quote: string, name: string) => {
          const part = bundle[`assets/${name}`]
          if (part === undefined) return this.error(`${chunk.fileName} imports ${name}, which is not built`)
          found += 1
          return `fetch("/assets/${name}",{integrity:"${integrityOf(part)}"}).then(a=>a.blob()).then(()=>${imported})`
        })
      }
      if (found === 0) this.error("the worker imports nothing later")
    },
  }
}
