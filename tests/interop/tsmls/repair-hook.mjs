// `node --import ./repair-hook.mjs …` loads ts-mls with repair.mjs applied.
import { registerHooks } from "node:module"

import { REPAIRED_FILE, repairClientState } from "./repair.mjs"

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.endsWith(REPAIRED_FILE)) return loaded
    const source = repairClientState(Buffer.from(loaded.source).toString("utf8"))
    globalThis.tsMlsRepaired = true // oracle.mjs reports it: a hook that never fires must not pass for a repair
    return { ...loaded, source }
  },
})
