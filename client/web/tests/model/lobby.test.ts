/** The page's calls upon a profile: opening, keeping, leaving nothing. */

import { expect, test } from "vitest"
import { makeEngine, type World } from "../../src/model/lobby.ts"
import { memoryProfile } from "../../src/model/store/memory.ts"
import type { Profile } from "../../src/model/store/profile.ts"

const HOST_LINK = `https://talks.example/host#${"a".repeat(43)}`

interface Browser extends World {
  /** What lasts; undefined where nothing is kept, or it was wiped. */
  lasting: Profile | undefined
  isElsewhere: boolean
  held: number
}

function browser(): Browser {
  const world: Browser = {
    lasting: undefined,
    isElsewhere: false,
    held: 0,
    clock: () => 1_800_000_000,
    hasProfile: async () => world.lasting !== undefined,
    openProfile: async (isLasting) => {
      if (!isLasting) return memoryProfile()
      world.lasting ??= {
        ...memoryProfile(),
        isLasting: true,
        wipe: async () => {
          world.lasting = undefined
        },
      }
      return world.lasting
    },
    holdProfile: async () => {
      if (world.isElsewhere) return undefined
      world.held += 1
      return () => {
        world.held -= 1
      }
    },
  }
  return world
}

const engineOf = (world: World) => makeEngine(world, () => undefined)

test("a profile that lasts is for one tab", async () => {
  const world = browser()
  world.isElsewhere = true
  const engine = engineOf(world)
  await expect(engine.open(true)).rejects.toMatchObject({ code: "open-elsewhere" })
  await expect(engine.knock("", "Bo")).rejects.toMatchObject({ code: "not-open" })
  world.isElsewhere = false
  const empty = { rooms: [], knocks: [], hosts: [], makings: [] }
  expect(await engine.open(true)).toEqual({ isLasting: true, ...empty })
  expect(world.held).toBe(1)
  await engine.wipe()
})

test("a tab that could not open its profile lets go of it", async () => {
  const world = browser()
  const open = world.openProfile
  world.openProfile = () => Promise.reject(new RangeError("no disk"))
  const engine = engineOf(world)
  await expect(engine.open(true)).rejects.toThrow("no disk")
  expect(world.held).toBe(0)
  world.openProfile = open
  expect(await engine.open(true)).toMatchObject({ isLasting: true })
  await engine.wipe()
})

test("what is kept is there again, beside what was kept before", async () => {
  const world = browser()
  const before = engineOf(world)
  await before.open(true)
  await before.rememberHost(HOST_LINK)
  const engine = engineOf(world)
  expect(await engine.open(false)).toMatchObject({ isLasting: false, hosts: [] })
  await engine.rememberHost(HOST_LINK.replace("talks", "other"))
  await engine.keep()
  await engine.keep() // once more changes nothing
  expect(await engine.open(true)).toMatchObject({
    isLasting: true,
    hosts: [{ url: "https://other.example" }, { url: "https://talks.example" }],
  })
  await engine.wipe()
})

test.each([true, false])(
  "who cannot be kept goes on as before, and nothing of the attempt stays open (was there: %s)",
  async (isThere) => {
    const world = browser()
    if (isThere) await world.openProfile(true)
    const open = world.openProfile
    let closed = 0
    const close = (): void => {
      closed += 1
    }
    world.openProfile = async (isLasting) => {
      const profile = await open(isLasting)
      if (!isLasting) return profile
      const write = () => Promise.reject(new DOMException("no space", "QuotaExceededError"))
      return { ...profile, write, close }
    }
    const engine = engineOf(world)
    await engine.open(false)
    await engine.rememberHost(HOST_LINK)
    const kept = [engine.keep(), engine.keep()]
    for (const one of kept) await expect(one).rejects.toMatchObject({ name: "QuotaExceededError" })
    expect([world.held, closed, await engine.hasProfile()]).toEqual([0, isThere ? 2 : 0, isThere])
    const before = { isLasting: false, hosts: [{ url: "https://talks.example" }] }
    expect(await engine.open(false)).toMatchObject(before)
    world.openProfile = open
    await engine.keep()
    expect(await engine.open(false)).toMatchObject({ ...before, isLasting: true })
    expect(world.held).toBe(1)
    await engine.wipe()
  },
)

test("leaving nothing takes what lasts too, and ends all calls", async () => {
  const world = browser()
  const before = engineOf(world)
  await before.open(true)
  await before.rememberHost(HOST_LINK)
  const engine = engineOf(world)
  await engine.open(false)
  await engine.wipe()
  expect(world.lasting).toBeUndefined()
  await expect(engine.open(true)).rejects.toMatchObject({ code: "not-open" })
  await expect(engine.hasProfile()).resolves.toBe(false)
})

test("links say what they are before anything is sent", async () => {
  const engine = engineOf(browser())
  await engine.open(false)
  expect(await engine.kindOf(HOST_LINK)).toBe("host")
  for (const link of ["", "talks.example", "https://talks.example/i#short", "javascript:alert(1)"])
    expect(await engine.kindOf(link)).toBe("malformed")
  await engine.wipe()
})

test("a room that is not there is said to be unknown", async () => {
  const engine = engineOf(browser())
  await engine.open(false)
  for (const call of [engine.openRoom("x"), engine.acceptRules("x"), engine.seen("x", 1), engine.leave("x")])
    await expect(call).rejects.toMatchObject({ code: "room-unknown" })
  await engine.wipe()
})
