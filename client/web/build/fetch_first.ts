/**
 * Vite: what is imported later is fetched first, with its hash.
 *
 * A browser that could not fetch a module once answers each further import of it with the same failure, until the page is
 * loaded again. What `fetch` could not get is asked for anew; and what it got, the import finds in the browser's cache.
 */

import type { Plugin, Rollup } from "vite"
import { integrityOf } from "./integrity.ts"

const LATER = /\bimport\(([`"'])\.\/([\w-]+\.js)\1\)/g

/** For the page's bundle and the worker's; the build fails where nothing is imported later. */
export function fetchFirst(): Plugin {
  return {
    name: "fetch-first",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const chunks = Object.values(bundle).filter((file) => file.type === "chunk")
        const found = chunks.map((chunk) => chunk.code.match(LATER)?.length ?? 0)
        if (!found.some((count) => count > 0)) this.error("nothing is imported later")
        const ready = new Map<Rollup.OutputChunk, string | undefined>()
        for (const chunk of chunks) integrityWithin(bundle, chunk, ready)
      },
    },
  }
}

/** A chunk's hash, when what it imports later stands in it with its own: those come first. */
function integrityWithin(
  bundle: Rollup.OutputBundle,
  chunk: Rollup.OutputChunk,
  ready: Map<Rollup.OutputChunk, string | undefined>,
): string {
  const known = ready.get(chunk)
  if (known !== undefined) return known
  if (ready.has(chunk)) throw new Error(`${chunk.fileName} imports itself later, through others`)
  ready.set(chunk, undefined)
  chunk.code = chunk.code.replaceAll(LATER, (imported: string, _quote: string, name: string) => {
    const part = bundle[`assets/${name}`]
    if (part?.type !== "chunk") throw new Error(`${chunk.fileName} imports ${name}, which is not built`)
    const integrity = integrityWithin(bundle, part, ready)
    return `fetch("/assets/${name}",{integrity:"${integrity}"}).then(a=>a.blob()).then(()=>${imported})`
  })
  const integrity = integrityOf(chunk)
  ready.set(chunk, integrity)
  return integrity
}
