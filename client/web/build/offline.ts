/** Vite: the service worker, with the list of all that was built, and each file's hash. */

import { readFileSync } from "node:fs"
import { minifySync, type Plugin, type Rollup } from "vite"
import { integrityOf } from "./integrity.ts"

const SOURCE = new URL("../src/view/service_worker.js", import.meta.url)
const PLACE = "__FILES__"

/** Adds /sw.js; it is another one, which the browser notices, as soon as any file is. */
export function addOffline(): Plugin {
  return {
    name: "add-offline",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        if (bundle["index.html"] === undefined) return // the worker's own bundle: its files come into the page's
        const files = Object.values(bundle).map(listed)
        this.emitFile({ type: "asset", fileName: "sw.js", source: serviceWorker(files) })
      },
    },
  }
}

/** A file's path, and the only content that the service worker takes for it. */
type Listed = readonly [path: string, integrity: string]

function listed(file: Rollup.OutputAsset | Rollup.OutputChunk): Listed {
  return [file.fileName === "index.html" ? "/" : `/${file.fileName}`, integrityOf(file)]
}

function serviceWorker(files: readonly Listed[]): string {
  const parts = readFileSync(SOURCE, "utf8").split(PLACE)
  if (parts.length !== 2) throw new Error(`the service worker has not exactly one ${PLACE}`)
  return minifySync("sw.js", parts.join(JSON.stringify(files))).code
}
