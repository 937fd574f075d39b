/** Two calls at once, and what goes wrong halfway: one thing comes of it, and nothing stays that nobody asked for. */

import { expect, test } from "vitest"
import { randomBytes } from "../../src/base/bytes.ts"
import type { Host } from "../../src/model/connection/host.ts"
import type { RoomWish } from "../../src/model/contract.ts"
import { Doors } from "../../src/model/doors.ts"
import { ServerRefused, ServerUnreachable } from "../../src/model/errors.ts"
import { Later } from "../../src/model/later.ts"
import { createLedger, type Ledger, newChange } from "../../src/model/ledger.ts"
import { generateSeatKeys, newMemberOf } from "../../src/model/room/keys.ts"
import { mls } from "../../src/model/room/membership.ts"
import { firstView } from "../../src/model/room/view.ts"
import { Rooms } from "../../src/model/rooms.ts"
import { memoryProfile } from "../../src/model/store/memory.ts"
import { movingProfile } from "../../src/model/store/moving.ts"
import type { Profile } from "../../src/model/store/profile.ts"
import { parseRow } from "../../src/model/store/row.ts"
import { FINGERPRINT_SIZE } from "../../src/protocol/ids.ts"
import { linkOf } from "../../src/protocol/link.ts"

const NOW = 1_800_000_000
const URL = "http://127.0.0.1:9"

/** A server that notes what it is asked for, makes every room, and answers no knock. */
class Server implements Host {
  readonly url = URL
  readonly claims: string[] = []
  readonly made: Uint8Array[] = []
  refusal: Error | undefined

  async createRoom(_: string, { room }: Parameters<Host["createRoom"]>[1]) {
    if (this.refusal !== undefined) throw this.refusal
    this.made.push(room)
    return { recordKey: randomBytes(32), checkpoint: "" }
  }

  async mail({ claimKey }: Parameters<Host["mail"]>[0]): Promise<never> {
    this.claims.push(String(claimKey))
    throw new ServerUnreachable()
  }

  async greet(): Promise<never> {
    throw new ServerUnreachable()
  }
}

interface Lobby {
  readonly doors: Doors
  readonly taken: Ledger[]
}

function lobby(server: Server, profile: Profile): Lobby {
  const taken: Ledger[] = []
  const rooms = {
    has: (id: string) => taken.some(({ view }) => view.id === id),
    seatIn: (id: string) => taken.find(({ view }) => view.id === id)?.view.own,
    take: (ledger: Ledger) => void taken.push(ledger),
    begun: async () => undefined,
    forget: async () => undefined,
  }
  const world = { profile, rooms, hostAt: () => server, clock: () => NOW, lookMs: 2, tell: () => undefined }
  return { doors: new Doors(world), taken }
}

const WISH: RoomWish = {
  url: URL,
  title: "The harbour",
  welcome: "",
  rules: [],
  parties: [],
  retention: { seconds: 0, after_reading: false },
  history: "none",
  admission: "any",
  name: "Ann",
  party: undefined,
  suite: 1,
}

test("who knocks twice at once at one door knocks once", async () => {
  const server = new Server()
  const memory = memoryProfile()
  const slow: Profile = {
    ...memory,
    write: async (room, write) => {
      await new Promise((resolve) => setTimeout(resolve, 50))
      await memory.write(room, write)
    },
  }
  const { doors } = lobby(server, slow)
  const invitation = {
    secret: randomBytes(32),
    inviterFingerprint: randomBytes(FINGERPRINT_SIZE),
    recordKeyFingerprint: randomBytes(FINGERPRINT_SIZE),
  }
  const link = linkOf(invitation, "https://room.example")
  const [one, other] = await Promise.all([doors.knock(link, "Bo"), doors.knock(link, "Bo")])
  expect(other).toBe(one)
  expect(doors.knocks).toHaveLength(1)
  await expect.poll(() => server.claims.length).toBeGreaterThan(5)
  await doors.forgetKnock(one)
  expect(new Set(server.claims).size).toBe(1)
})

test("who asks for one room twice at once gets one, and others beside it", async () => {
  const server = new Server()
  const profile = memoryProfile()
  const { doors, taken } = lobby(server, profile)
  await doors.rememberHost(`${URL}/host#${"a".repeat(43)}`)
  const [one, other, third] = await Promise.all([
    doors.createRoom(WISH),
    doors.createRoom(WISH),
    doors.createRoom({ ...WISH, title: "The pier" }),
  ])
  expect(other).toBe(one)
  expect(third).not.toBe(one)
  expect(server.made).toHaveLength(2)
  expect(taken).toHaveLength(2)
})

test.each([new ServerUnreachable(), new ServerRefused("stopping")])(
  "a room that is wished while the server is away is made when the network is back ($code)",
  async (refusal) => {
    const server = new Server()
    const profile = memoryProfile()
    const { doors, taken } = lobby(server, profile)
    doors.load(await profile.rooms()) // nothing was unfinished then
    await doors.rememberHost(`${URL}/host#${"a".repeat(43)}`)
    server.refusal = refusal
    await expect(doors.createRoom(WISH)).rejects.toMatchObject({ code: "room-waits" })
    const waiting = { title: WISH.title, reason: { code: "room-waits" } }
    expect(doors.makings).toMatchObject([waiting])
    doors.look()
    await expect(doors.createRoom({ ...WISH, title: "The pier" })).rejects.toThrow("room-waits")
    expect(doors.makings).toMatchObject([waiting, { title: "The pier" }])
    server.refusal = undefined
    doors.look()
    await expect.poll(() => taken.length).toBe(2)
    expect(doors.makings).toEqual([])
    expect(server.made).toHaveLength(2)
    doors.end()
  },
)

test("a room that the server will not make by and by is told, and not asked for again", async () => {
  const server = new Server()
  const profile = memoryProfile()
  const first = lobby(server, profile)
  await first.doors.rememberHost(`${URL}/host#${"a".repeat(43)}`)
  server.refusal = new ServerUnreachable()
  await expect(first.doors.createRoom(WISH)).rejects.toThrow("room-waits")
  first.doors.end()
  server.refusal = new ServerRefused("bad-token")
  const { doors, taken } = lobby(server, profile)
  doors.load(await profile.rooms()) // tried at once
  await expect.poll(() => doors.makings).toMatchObject([{ title: WISH.title, reason: { code: "bad-token" } }])
  server.refusal = undefined
  doors.look()
  expect([...(await profile.rooms()).values()].map((row) => parseRow(row).kind)).toEqual(["host"])
  expect(taken).toEqual([])
  doors.end()
})

test("a room that was asked for again while it was made has its place in the profile", async () => {
  const server = new Server()
  const memory = memoryProfile()
  let again: Promise<string> | undefined
  const profile: Profile = {
    ...memory,
    write: async (room, write) => {
      await memory.write(room, write)
      // the room itself has its place: somebody asks for it once more
      if (write.records !== undefined) again ??= doors.createRoom(WISH)
    },
  }
  const { doors } = lobby(server, profile)
  await doors.rememberHost(`${URL}/host#${"a".repeat(43)}`)
  const place = await doors.createRoom(WISH)
  expect(await again).toBe(place)
  const row = (await memory.rooms()).get(place)
  expect(parseRow(row ?? new Uint8Array()).kind).toBe("room")
})

async function ledgerIn(profile: Profile): Promise<Ledger> {
  const keys = await generateSeatKeys(1)
  const room = randomBytes(16)
  const view = firstView(room, keys.seat, await mls.create(room, newMemberOf(keys, NOW)))
  return createLedger(profile, { url: URL, recordKey: randomBytes(32), keys }, view)
}

test("of a move that fails halfway nothing stays, and it can be made again", async () => {
  const profile = movingProfile(memoryProfile())
  const [one, other] = [await ledgerIn(profile), await ledgerIn(profile)]
  const lasting: Profile = { ...memoryProfile(), isLasting: true }
  await lasting.write("before", { room: new Uint8Array([1]) })
  const full: Profile = {
    ...lasting,
    write: async (room, write) => {
      await lasting.write(room, write)
      if (room === other.view.id) throw new DOMException("no space", "QuotaExceededError")
    },
  }
  await expect(profile.moveTo(full)).rejects.toMatchObject({ name: "QuotaExceededError" })
  expect(profile.isLasting).toBe(false)
  expect([...(await lasting.rooms()).keys()]).toEqual(["before"])
  expect((await lasting.read(one.view.id)).records.size).toBe(0)
  await profile.moveTo(lasting)
  expect(new Set((await lasting.rooms()).keys())).toEqual(new Set(["before", one.view.id, other.view.id]))
})

test("a room that is forgotten while something of it is stored leaves nothing", async () => {
  const profile = memoryProfile()
  const rooms = new Rooms(
    profile,
    () => NOW,
    new Later(),
    () => undefined,
  )
  const ledger = await ledgerIn(profile)
  const { id } = ledger.view
  rooms.take(ledger)
  const note = () =>
    ledger.alone(() => ledger.store(newChange({ notes: new Map([["draft", randomBytes(1)]]) })))
  const before = note()
  const forgotten = rooms.forget(id)
  await Promise.all([before, forgotten])
  await expect(note()).rejects.toMatchObject({ code: "room-unknown" })
  expect((await profile.rooms()).size).toBe(0)
  expect((await profile.read(id)).records.size).toBe(0)
})

test("a room that is entered anew while it is forgotten is there afterwards", async () => {
  const profile = memoryProfile()
  const rooms = new Rooms(
    profile,
    () => NOW,
    new Later(),
    () => undefined,
  )
  const ledger = await ledgerIn(profile)
  const { id } = ledger.view
  rooms.take(ledger)
  const forgotten = rooms.forget(id)
  await rooms.forget(id) // as a door does before it writes
  const { about, view } = ledger
  rooms.take(await createLedger(profile, about, view))
  await forgotten
  expect([...(await profile.rooms()).keys()]).toEqual([id])
  await rooms.end()
})
