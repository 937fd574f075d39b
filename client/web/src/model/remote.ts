/** The page's side of the engine. */

import { callsThrough } from "./channel.ts"
import type { Engine } from "./engine.ts"
import engineUrl from "./engine.ts?worker&url"

/** Starts the worker that everything runs in. */
export function startEngine(): Engine {
  const worker = new Worker(trusted(engineUrl), { type: "module" })
  return callsThrough<Engine>(worker, ["findAbilities"])
}

// TypeScript's own types do not know it yet
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { readonly createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): string }
}

/** The one place that may name a script: the page's policy (require-trusted-types-for) takes no other. */
function trusted(url: string): string {
  const { trustedTypes } = globalThis as { readonly trustedTypes?: TrustedTypes }
  const policy = trustedTypes?.createPolicy("backchannel", {
    createScriptURL: (given) => {
      if (given !== engineUrl) throw new TypeError("not a script of this page")
      return given
    },
  })
  return policy?.createScriptURL(url) ?? url
}
