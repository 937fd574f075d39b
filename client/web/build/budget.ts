/** Vite: how much a browser has to fetch, printed with each build, which fails where it is too much. */

import { readFileSync } from "node:fs"
import { brotliCompressSync, constants, gzipSync } from "node:zlib"
import type { Plugin, Rollup } from "vite"

const KB = 1000
/** What the page itself names: markup, script, style. */
const FIRST_SCREEN_MOST = 60 * KB
/** All files together, the worker with MLS among them. */
const EVERYTHING_MOST = 140 * KB
/** Another version of Node compresses a little differently: that alone fails no build. */
const SLACK = 1.005
const COMPRESSED = /\.(?:css|html|js|json|svg|webmanifest)$/

/** What is taken as it is from public/, and gets smaller: all there but pictures of points. */
const PUBLIC = ["icon.svg", "manifest.webmanifest"]

interface Named {
  readonly name: string
  readonly content: Buffer
}

export interface Sizes {
  readonly name: string
  readonly brotli: number
  readonly gzip: number
}

/** Adds a .br and a .gz beside each file that gets smaller by it, and keeps to the budget. */
export function compressWithinBudget(): Plugin {
  return {
    name: "compress-within-budget",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        if (bundle["index.html"] === undefined) return // the worker's own bundle: its files come into the page's
        const built = Object.values(bundle).map((file) => ({ name: file.fileName, content: contentOf(file) }))
        const small = PUBLIC.map((name) => ({ name, content: readFileSync(`public/${name}`) }))
        const sizes = [...built, ...small].map((file) => compress(file, (one) => this.emitFile(one)))
        const page = namedBy(bundle["index.html"])
        const first = sizes.filter(({ name }) => name === "index.html" || page.includes(name))
        report("first screen", first, FIRST_SCREEN_MOST)
        report("everything", sizes, EVERYTHING_MOST)
      },
    },
  }
}

const contentOf = (file: Rollup.OutputAsset | Rollup.OutputChunk): Buffer =>
  Buffer.from(file.type === "chunk" ? file.code : file.source)

/** Which files the page names: they are fetched before anything is seen, but for those that only follow. */
const namedBy = (page: Rollup.OutputAsset | Rollup.OutputChunk): string =>
  contentOf(page)
    .toString()
    .replace(/<link rel="(?:module)?preload"[^>]*>/g, "")

function compress({ content, name }: Named, emit: (file: Rollup.EmittedAsset) => string): Sizes {
  if (!COMPRESSED.test(name)) return { name, brotli: content.length, gzip: content.length }
  const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY }
  const brotli = brotliCompressSync(content, { params: quality })
  const gzip = gzipSync(content, { level: 9 })
  for (const [suffix, source] of [["br", brotli] as const, ["gz", gzip] as const])
    if (source.length < content.length) emit({ type: "asset", fileName: `${name}.${suffix}`, source })
  return {
    name,
    brotli: Math.min(brotli.length, content.length),
    gzip: Math.min(gzip.length, content.length),
  }
}

function report(what: string, sizes: readonly Sizes[], most: number): void {
  const brotli = sizes.reduce((sum, one) => sum + one.brotli, 0)
  const gzip = sizes.reduce((sum, one) => sum + one.gzip, 0)
  const line = `${what}: ${inKb(brotli)} (gzip ${inKb(gzip)}) of ${inKb(most)}`
  if (brotli > most * SLACK) {
    const largest = [...sizes].sort((one, other) => other.brotli - one.brotli).slice(0, 8)
    throw new Error(
      `${line}: too large. ${largest.map((one) => `${one.name} ${inKb(one.brotli)}`).join(", ")}`,
    )
  }
  process.stdout.write(`${line}\n`)
}

const inKb = (size: number): string => `${(size / KB).toFixed(1)} kB`
