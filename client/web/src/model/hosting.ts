/** Servers on which this profile may make rooms: a host link, or a room token that a host gave away. */

import { b64u, concat, utf8 } from "../base/bytes.ts"
import { vector } from "../base/tls.ts"
import { digest, label } from "../protocol/canonical.ts"
import { struct, text, type Value } from "../protocol/fields.ts"
import { ID_SIZE } from "../protocol/ids.ts"
import { ClientError } from "./errors.ts"

const LINK_PATH = "/host"
const TOKEN = /^#[A-Za-z0-9_-]{43,256}$/

/** A server's address, and a token of it: a secret. */
export const HOST_LINK = struct({ url: text(2048), token: text(256) })
export type HostLink = Value<typeof HOST_LINK>

/** `https://server/host#token`. Throws `host-link`. */
export function parseHostLink(link: string): HostLink {
  const parts = URL.canParse(link.trim()) ? new URL(link.trim()) : undefined
  const isWhole =
    parts !== undefined &&
    /^https?:$/.test(parts.protocol) &&
    parts.pathname === LINK_PATH &&
    parts.search === "" &&
    parts.username === "" &&
    parts.password === "" &&
    TOKEN.test(parts.hash)
  if (!isWhole) throw new ClientError("host-link")
  return { url: parts.origin, token: parts.hash.slice(1) }
}

/** Where it stands in the profile's table of rooms: there is one for each server. */
export const placeOfHost = ({ url }: HostLink): string =>
  b64u(digest(concat(label("host link"), vector(utf8(url)))).slice(0, ID_SIZE))
