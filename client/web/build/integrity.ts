/** Vite: subresource integrity for all that the page names. */

import { createHash } from "node:crypto"
import type { Plugin, Rollup } from "vite"

const TAG = /<(?:script|link)\b[^>]*?(?:src|href)="\/([^"]+)"[^>]*>/g

/** Adds integrity= to every script, style and preloaded module of index.html; the build fails where it cannot. */
export function addIntegrity(): Plugin {
  return {
    name: "add-integrity",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const page = bundle["index.html"]
        if (page?.type !== "asset") return
        page.source = String(page.source).replace(TAG, (tag, name: string) => {
          if (!name.startsWith("assets/")) return tag // icon and manifest, which nothing runs
          const file = bundle[name]
          if (file === undefined) this.error(`index.html names ${name}, which is not built`)
          return tag.replace(/\s*\/?>$/, ` integrity="${integrityOf(file)}">`)
        })
      },
    },
  }
}

export function integrityOf(file: Rollup.OutputAsset | Rollup.OutputChunk): string {
  const content = file.type === "chunk" ? file.code : file.source
  return `sha256-${createHash("sha256").update(content).digest("base64")}`
}
