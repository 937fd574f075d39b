/**
 * By which link somebody came. Imported first, so that the secret behind the # has left the address bar, and with it the
 * browser's history, before anything else runs.
 */

export type Arrival =
  | { readonly by: "invitation"; readonly link: string }
  | { readonly by: "host"; readonly link: string }
  | { readonly by: "itself" }

/** An invitation stands behind /i#, a host link behind /host#; any other fragment is none of ours. */
export function arrivalOf(url: {
  readonly pathname: string
  readonly hash: string
  readonly href: string
}): Arrival {
  if (url.pathname === "/i") return { by: "invitation", link: url.href }
  if (url.pathname === "/host") return { by: "host", link: url.href }
  return { by: "itself" }
}

const isPage = "document" in globalThis

export const arrival: Arrival = isPage ? arrivalOf(location) : { by: "itself" }

if (isPage && (location.pathname !== "/" || location.hash !== "")) history.replaceState(null, "", "/")
