/**
 * Making a room: kept before the server is asked, so that a crash leaves no room without its keys.
 *
 * A `Making` stands in the profile's table of rooms, under the room's id, until the room itself takes its place there in
 * one transaction. Whoever asks again asks for the same room and seat.
 */

import { type Bytes, b64u, KEY_SIZE, randomBytes } from "../base/bytes.ts"
import { publicKey } from "../base/ed25519.ts"
import { type JsonObject, jcs, parseJcs } from "../protocol/canonical.ts"
import { ID } from "../protocol/events.ts"
import { bytes, number, struct, text, type Value } from "../protocol/fields.ts"
import { ID_SIZE } from "../protocol/ids.ts"
import type { Operation } from "../protocol/operations.ts"
import { decide } from "../protocol/room/decide.ts"
import { jsonOf } from "../protocol/room/state.ts"
import type { Host } from "./connection/host.ts"
import type { RoomWish } from "./contract.ts"
import { ClientError, NotAllowed, ServerRefused } from "./errors.ts"
import type { HostLink } from "./hosting.ts"
import { EMPTY_ITEM, type Item } from "./items.ts"
import { createLedger, type Ledger } from "./ledger.ts"
import { SUITES } from "./letters.ts"
import { PARTY_RULE } from "./notes.ts"
import { generateSeatKeys, newMemberOf, publicKeysOf } from "./room/keys.ts"
import { mls } from "./room/membership.ts"
import { SEAT_KEYS } from "./room/seat_keys.ts"
import { firstView } from "./room/view.ts"
import type { Profile } from "./store/profile.ts"

/** How long a room that could not be made is tried again when the profile is opened. */
export const MAKING_S = 24 * 3600
/** What a server says where the room of our id is somebody else's. */
export const NOT_OURS: readonly string[] = ["unknown-seat", "bad-signature"]

/**
 * A room that was asked for: private keys and the token in clear. `wish` is the genesis without what depends on keys, and
 * what the room cannot have from its beginning (`admission`).
 */
export const MAKING = struct({
  url: text(2048),
  token: text(256),
  asked: number,
  room: ID,
  keys: SEAT_KEYS,
  wish: bytes(0, 1 << 20),
})
export type Making = Value<typeof MAKING>

const jsonWish = (wish: RoomWish): JsonObject => ({
  ...(wish.admission === "party" && { admission: "party" }),
  title: wish.title,
  welcome: wish.welcome,
  rules: wish.rules,
  parties: wish.parties.map(jsonOf),
  retention: jsonOf(wish.retention),
  history: wish.history,
  name: wish.name,
  party: wish.party ?? null,
})

/** With new keys. Throws `suite-unknown`, and `room-unfit` for a room that no client would take. */
export async function generateMaking(link: HostLink, wish: RoomWish, nowS: number): Promise<Making> {
  if (!SUITES.includes(wish.suite)) throw new ClientError("suite-unknown")
  const keys = await generateSeatKeys(wish.suite)
  const room = randomBytes(ID_SIZE)
  const making = { ...link, asked: nowS, room, keys, wish: jcs(jsonWish(wish)) }
  const at = { room: b64u(room), seq: 1, time: nowS, sender: b64u(keys.seat), event: b64u(room) }
  try {
    decide(null, at, { type: "genesis", body: genesisOf(making, new Uint8Array(KEY_SIZE)), intent: 1 })
  } catch {
    throw new NotAllowed("room-unfit")
  }
  return making
}

export const titleOf = ({ wish }: Making): string => String(parseJcs(wish).title)

/** The room's first event. */
export function genesisOf({ keys, wish }: Making, recordKey: Bytes): JsonObject {
  const { admission: _, ...genesis } = parseJcs(wish)
  return {
    ...genesis,
    suite: keys.suite,
    record_key: b64u(recordKey),
    keys: jsonOf(publicKeysOf(keys)),
  }
}

/** Whether it is this room that somebody asks for once more. */
export const isWished = (making: Making, { url }: HostLink, wish: RoomWish): boolean =>
  making.url === url && making.keys.suite === wish.suite && b64u(making.wish) === b64u(jcs(jsonWish(wish)))

/**
 * The record key of the server, which has the room now. The same request again is harmless.
 *
 * `room-exists` is what it says of the own room where an earlier answer was lost: whether it is the own one, attaching
 * shows.
 */
export async function askForRoom(host: Host, { keys, room, token }: Making): Promise<Bytes> {
  try {
    const request = { room, seat: keys.seat, seatKey: publicKey(keys.seatKey) }
    return (await host.createRoom(token, request)).recordKey
  } catch (error) {
    if (!(error instanceof ServerRefused) || error.code !== "room-exists") throw error
    return (await host.greet()).recordKey
  }
}

/** The room's ledger, with its first event to be sent, in the place of the Making. */
export async function establish(
  profile: Profile,
  making: Making,
  recordKey: Bytes,
  nowS: number,
): Promise<Ledger> {
  const { keys, room, url } = making
  const group = await mls.create(room, newMemberOf(keys, nowS))
  const body = genesisOf(making, recordKey)
  const first: Item = {
    ...EMPTY_ITEM,
    place: 1,
    type: "genesis",
    body,
    number: 1,
    operations: policyOf(body),
  }
  const wished = parseJcs(making.wish).admission === "party" ? [PARTY_RULE] : []
  return createLedger(profile, { url, recordKey, keys }, firstView(room, keys.seat, group), {
    items: [first],
    notes: new Map(wished.map((name) => [name, new Uint8Array()])),
  })
}

/** What the server is told of the room's retention. */
function policyOf({ retention }: JsonObject): readonly Operation[] {
  const { after_reading, seconds } = retention as unknown as RoomWish["retention"]
  if (seconds === 0 && !after_reading) return []
  return [
    {
      type: "Policy",
      act: null,
      slowModeS: 0,
      retentionS: seconds,
      afterReading: after_reading,
      pausedUntil: 0,
    },
  ]
}
