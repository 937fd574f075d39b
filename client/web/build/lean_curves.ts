/** Vite: of @noble/curves what two curves need. The build fails where the library does it in another way than here. */

import type { Plugin } from "vite"

interface Cut {
  readonly file: RegExp
  readonly published: RegExp
  readonly kept: string
}

const CUTS: readonly Cut[] = [
  // both fields of Ed25519 have an order that is 5 modulo 8: how roots are taken in others is not fetched
  {
    file: /\/@noble\/curves\/abstract\/modular\.js$/,
    published:
      /(\s+if \(P % _8n === _5n\)\s+return sqrt5mod8;)(?:\s+\/\/[^\n]*)?\s+if \(P % _16n === _9n\)\s+return sqrt9mod16\(P\);(?:\s+\/\/[^\n]*)?\s+return tonelliShanks\(P\);/,
    kept: "$1\n    throw new Error()",
  },
  // signatures are verified in base/ed25519.ts
  {
    file: /\/@noble\/curves\/abstract\/edwards\.js$/,
    published:
      /keygen: createKeygen\(randomSecretKey, getPublicKey\),\s+getPublicKey,\s+sign,\s+verify,\s+utils,\s+Point,\s+lengths,/,
    kept: "getPublicKey, sign, Point",
  },
  {
    file: /\/@noble\/curves\/abstract\/montgomery\.js$/,
    published:
      /keygen: createKeygen\(randomSecretKey, getPublicKey\),\s+getSharedSecret,\s+getPublicKey,\s+scalarMult,\s+scalarMultBase,\s+utils,\s+GuBytes: GuBytes\.slice\(\),\s+lengths,/,
    kept: "getSharedSecret, getPublicKey",
  },
]

export function leanCurves(): Plugin {
  const found = new Set<Cut>()
  return {
    name: "lean-curves",
    apply: "build",
    transform(code, id) {
      const here = CUTS.filter(({ file, published }) => file.test(id) && published.test(code))
      for (const cut of here) found.add(cut)
      return here.length === 0
        ? undefined
        : {
            code: here.reduce((mended, { kept, published }) => mended.replace(published, kept), code),
            map: null,
          }
    },
    buildEnd(error) {
      if (error === undefined && found.size < CUTS.length) this.error("@noble/curves has changed")
    },
  }
}
