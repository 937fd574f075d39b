/** An open profile: its rooms, what leads into them, and the page's calls (`Engine`). */

import type {
  Draft,
  Engine,
  Entry,
  Fetched,
  FileWish,
  LinkKind,
  Lobby,
  News,
  RoomNow,
  RoomWish,
} from "./contract.ts"
import type { Desk } from "./desk.ts"
import { ClientError, NotAllowed } from "./errors.ts"
import { SWEEP_MS } from "./expiry.ts"
import { Gate } from "./gate.ts"
import { Later, type Online } from "./later.ts"
import { kindOf } from "./links.ts"
import { Newsroom } from "./news.ts"
import { Rooms } from "./rooms.ts"
import { seenHere } from "./seeing.ts"
import * as speaking from "./speaking.ts"
import { type MovingProfile, movingProfile } from "./store/moving.ts"
import type { Profile } from "./store/profile.ts"
import type { Release } from "./store/tab.ts"
import type { Clock } from "./time.ts"
import { oneByOne } from "./turn.ts"

/** After a tick that comes so late this device has slept: what was connected is not believed. */
const SLEPT_MS = SWEEP_MS + 20_000

/** What a browser has, or a test in its place. */
export interface World {
  readonly clock: Clock
  /** How long a knock waits between two looks into its mailbox; undefined: as long as it is usual. */
  readonly lookMs?: number
  /** The profile that is gone with the page, or the one that lasts. Throws `storage-unavailable`. */
  openProfile(isLasting: boolean): Promise<Profile>
  /** Whether there is one that lasts. */
  hasProfile(): Promise<boolean>
  /** The lasting profile for this tab alone; undefined where another tab has it. */
  holdProfile(): Promise<Release | undefined>
}

/** A profile that is open. */
interface Opened {
  readonly profile: MovingProfile
  readonly rooms: Rooms
  readonly gate: Gate
  readonly newsroom: Newsroom
  readonly timer: ReturnType<typeof setInterval>
  release: Release | undefined
}

/** The page's calls; `tell` is told the news. */
export function makeEngine(world: World, tell: (news: News) => void): Engine {
  const later = new Later()
  let opening: Promise<Opened> | undefined
  let isWiped = false
  const keeping = oneByOne()
  void later.wait() // from now on
  const opened = async (): Promise<Opened> => {
    if (opening === undefined || isWiped) throw new NotAllowed("not-open")
    return opening
  }
  return {
    findAbilities: async () => (await later.wait()).findAbilities(world.clock()),
    hasProfile: () => world.hasProfile(),
    open: async (isLasting) => {
      if (isWiped) throw new NotAllowed("not-open")
      opening ??= openLobby(world, later, tell, isLasting)
      try {
        return lobbyOf(await opening)
      } catch (error) {
        opening = undefined
        throw error
      }
    },
    reconnect: async () => {
      later.hurry()
      connectAnew(await opened())
    },
    keep: () => keeping(async () => keep(world, await opened())),
    wipe: async () => {
      const lobby = await opened()
      isWiped = true
      await wipe(world, lobby)
    },
    ...doorCalls(opened),
    ...roomCalls(opened),
    ...onlineCalls(opened, later),
    ...fileCalls(opened, later, tell),
  }
}

type Open = () => Promise<Opened>

function doorCalls(opened: Open) {
  const doors = async () => (await opened()).gate.open()
  return {
    kindOf: async (link: string): Promise<LinkKind> => kindOf(link),
    knock: async (link: string, name: string) => (await doors()).knock(link, name),
    forgetKnock: async (id: string) => (await doors()).forgetKnock(id),
    rememberHost: async (link: string) => (await doors()).rememberHost(link),
    forgetHost: async (url: string) => (await doors()).forgetHost(url),
    createRoom: async (wish: RoomWish) => (await doors()).createRoom(wish),
  }
}

function roomCalls(opened: Open) {
  const at =
    <W extends readonly unknown[], T>(act: (desk: Desk, ...words: W) => Promise<T>) =>
    async (room: string, ...words: W): Promise<T> =>
      act((await opened()).rooms.desk(room), ...words)
  return {
    openRoom: async (room: string): Promise<RoomNow> => {
      const { newsroom, rooms } = await opened()
      const now = rooms.now(room)
      setTimeout(() => newsroom.open(room), 0) // after the answer to this call
      return now
    },
    closeRoom: async (room: string): Promise<void> => (await opened()).newsroom.close(room),
    forget: async (room: string): Promise<void> => {
      const { gate, newsroom, rooms } = await opened()
      newsroom.close(room)
      await rooms.forget(room)
      gate.doors?.enterAgain()
    },
    send: at(speaking.send),
    retract: at(speaking.retract),
    seen: at(speaking.seen),
    keepDraft: at(speaking.keepDraft),
    dismiss: at(speaking.dismiss),
    uploadAgain: at(speaking.uploadAgain),
  }
}

/** What is judged before it is written down, by what comes later. */
function onlineCalls(opened: Open, later: Later) {
  const at =
    <W extends readonly unknown[], T>(actOf: (online: Online) => (desk: Desk, ...words: W) => Promise<T>) =>
    async (room: string, ...words: W): Promise<T> =>
      actOf(await later.get())((await opened()).rooms.desk(room), ...words)
  return {
    acceptRules: at((online) => online.acceptRules),
    invite: at(({ governing }) => governing.invite),
    revoke: at(({ governing }) => governing.revoke),
    approveKnock: at(({ governing }) => governing.approveKnock),
    decline: at(({ governing }) => governing.revoke),
    approve: at(({ governing }) => governing.approve),
    unapprove: at(({ governing }) => governing.unapprove),
    remove: at(({ governing }) => governing.remove),
    setRole: at(({ governing }) => governing.setRole),
    set: at(({ governing }) => governing.set),
    leave: at(({ governing }) => governing.leave),
    end: at(({ governing }) => governing.end),
  }
}

/** Files, by what comes later. */
function fileCalls(opened: Open, later: Later, tell: (news: News) => void) {
  return {
    attach: async (room: string, message: Draft, files: readonly FileWish[]): Promise<void> =>
      (await later.get()).attach((await opened()).rooms.desk(room), message, files),
    fetchAttachment: async (room: string, message: string, at: number): Promise<Fetched> =>
      (await later.get()).fetchAttachment((await opened()).rooms.desk(room), message, at, (done) =>
        tell({ news: "progress", message, at, done }),
      ),
  }
}

async function openLobby(
  world: World,
  later: Later,
  tell: (news: News) => void,
  isLasting: boolean,
): Promise<Opened> {
  const release = isLasting ? await heldBy(world) : undefined
  try {
    const profile = movingProfile(await world.openProfile(isLasting))
    return await loadLobby(world, later, tell, profile, release)
  } catch (error) {
    release?.()
    throw error
  }
}

async function heldBy(world: World): Promise<Release> {
  const release = await world.holdProfile()
  if (release === undefined) throw new ClientError("open-elsewhere")
  return release
}

async function loadLobby(
  { clock, lookMs }: World,
  later: Later,
  tell: (news: News) => void,
  profile: MovingProfile,
  release: Release | undefined,
): Promise<Opened> {
  const rooms: Rooms = new Rooms(profile, clock, later, (room, entries, firstNew) =>
    newsroom.changed(room, entries, isHeard(rooms, room, entries, firstNew)),
  )
  const gate: Gate = new Gate({ profile, rooms, clock, lookMs, tell: () => newsroom.gather() }, later)
  const newsroom: Newsroom = new Newsroom(tell, {
    lobby: () => lobbyOf({ gate, profile, rooms }),
    room: (room) => rooms.now(room),
    entries: (room) => (rooms.has(room) ? rooms.desk(room).ledger.entries : []),
  })
  const rows = await profile.rooms()
  await rooms.load(rows)
  await gate.load(rows)
  return { profile, rooms, gate, newsroom, release, timer: tick(rooms) }
}

/** The network went or came back: what was connected is not believed, and nothing waits for its time. */
function connectAnew({ gate, rooms }: Opened): void {
  rooms.reconnect()
  gate.doors?.look()
}

/** Again and again: what is over leaves the profile, and a device that slept connects anew. */
function tick(rooms: Rooms): Opened["timer"] {
  let last = Date.now()
  let isTidying = false
  return setInterval(() => {
    const now = Date.now()
    if (now - last > SLEPT_MS) rooms.reconnect()
    last = now
    if (isTidying) return
    isTidying = true
    const done = () => {
      isTidying = false
    }
    rooms.tidy().then(done, done) // what could not be stored is tried again with the next tick
  }, SWEEP_MS)
}

/** Whether somebody else said something new, which this person has not seen. */
function isHeard(rooms: Rooms, room: string, entries: readonly Entry[], firstNew: number): boolean {
  if (!rooms.has(room)) return false
  const { ledger } = rooms.desk(room)
  const upTo = seenHere(ledger)
  return entries.some(
    (entry) =>
      entry.kind === "message" &&
      entry.number >= firstNew &&
      entry.seat !== ledger.view.own &&
      entry.text !== undefined &&
      entry.seq > upTo,
  )
}

const lobbyOf = ({ gate, profile, rooms }: Pick<Opened, "gate" | "profile" | "rooms">): Lobby => ({
  isLasting: profile.isLasting,
  rooms: rooms.lines,
  knocks: gate.knocks,
  hosts: gate.hosts,
  makings: gate.makings,
})

/** From a profile that is gone with the page to one that lasts; where that does not take everything, it stays as it is. */
async function keep(world: World, opened: Opened): Promise<void> {
  const { gate, newsroom, profile, rooms } = opened
  if (profile.isLasting) return
  const release = await heldBy(world)
  try {
    await moveToLasting(world, profile)
  } catch (error) {
    release()
    throw error
  }
  opened.release = release
  const rows = await profile.rooms() // what the browser had before is there as well
  await rooms.load(rows)
  await gate.load(rows)
  newsroom.gather()
}

/** One that was made for nothing does not stay. */
async function moveToLasting(world: World, profile: MovingProfile): Promise<void> {
  const isThere = await world.hasProfile()
  const lasting = await world.openProfile(true)
  try {
    await profile.moveTo(lasting)
  } catch (error) {
    if (isThere) lasting.close()
    else await lasting.wipe().catch(() => lasting.close())
    throw error
  }
}

/** Leaves nothing: the keys first, so that what a connection which is ending still writes opens no more. */
async function wipe(world: World, { gate, newsroom, profile, release, rooms, timer }: Opened): Promise<void> {
  clearInterval(timer)
  newsroom.end()
  gate.end()
  await profile.wipe()
  await rooms.end()
  if (!profile.isLasting && (await world.hasProfile())) await wipeLasting(world)
  release?.()
}

/** What the browser kept from before, beside a profile that is gone with the page. */
async function wipeLasting(world: World): Promise<void> {
  const release = await heldBy(world)
  try {
    await (await world.openProfile(true)).wipe()
  } finally {
    release()
  }
}
