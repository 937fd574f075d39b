/** Vite: ts-mls as it should be, in the client and in its worker. */

import { readFileSync } from "node:fs"
import type { Plugin } from "vite"
import { repair, TS_MLS_VERSION } from "./ts_mls_repair.mjs"

/** Fails the build unless ts-mls is of the version that the repair is for, and the repair fits it. */
export function repairTsMls(): Plugin {
  return {
    name: "repair-ts-mls",
    enforce: "pre",
    buildStart() {
      const found = JSON.parse(
        readFileSync(new URL("../node_modules/ts-mls/package.json", import.meta.url), "utf8"),
      )
      if (found.version !== TS_MLS_VERSION)
        this.error(`ts-mls ${found.version} is installed; the repair is for ${TS_MLS_VERSION}`)
    },
    transform(code, id) {
      const mended = repair(id.split("?")[0] ?? "", code)
      return mended === undefined ? undefined : { code: mended, map: null }
    },
  }
}
