/** The one place that may name scripts: the page's policy (require-trusted-types-for) takes no other. */

// TypeScript's own types do not know it yet
interface Policy {
  createScriptURL(url: string): string
}
interface TrustedTypes {
  createPolicy(name: string, rules: Policy): Policy
}

const named = new Set<string>()
let policy: Policy | undefined

/** A script of this page, by a URL that is written in its code: a browser with Trusted Types runs no other. */
export function trusted(url: string): string {
  named.add(url)
  const { trustedTypes } = globalThis as { readonly trustedTypes?: TrustedTypes }
  policy ??= trustedTypes?.createPolicy("backchannel", { createScriptURL: requireNamed })
  return policy?.createScriptURL(url) ?? url
}

function requireNamed(url: string): string {
  if (!named.has(url)) throw new TypeError("not a script of this page")
  return url
}
