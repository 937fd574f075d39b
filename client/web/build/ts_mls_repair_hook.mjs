// `node --import ./ts_mls_repair_hook.mjs …` loads ts-mls with the repair applied.
import { registerHooks } from "node:module"

import { REPAIRED_FILE, repairClientState } from "./ts_mls_repair.mjs"

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.endsWith(REPAIRED_FILE)) return loaded
    const source = repairClientState(Buffer.from(/** @type {Uint8Array} */ (loaded.source)).toString("utf8"))
    Reflect.set(globalThis, "tsMlsRepaired", true) // oracle.mjs reports it: a hook that never fires must not pass for a repair
    return { ...loaded, source }
  },
})
