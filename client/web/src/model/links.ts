/** What a link says before anything is sent. */

import { parseLink } from "../protocol/link.ts"
import type { LinkKind } from "./contract.ts"
import { parseHostLink } from "./hosting.ts"

export function kindOf(link: string): LinkKind {
  if (isParsed(() => parseLink(link))) return "invitation"
  return isParsed(() => parseHostLink(link)) ? "host" : "malformed"
}

function isParsed(parse: () => unknown): boolean {
  try {
    parse()
    return true
  } catch {
    return false
  }
}
