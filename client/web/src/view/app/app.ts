/** What the screens share: the engine, what it told last, where the person is. */

import { type Signal, signal } from "@preact/signals"
import { createContext } from "preact"
import { useContext } from "preact/hooks"
import type { Abilities } from "../../model/abilities.ts"
import type { Engine, Lobby, News, Reason } from "../../model/contract.ts"
import type { Arrival } from "../arrival.ts"
import { type Navigation, type Page, startNavigation } from "./navigation.ts"
import { reasonOf } from "./reason.ts"
import { signalNew } from "./signals.ts"

export interface App {
  readonly engine: Engine
  readonly navigation: Navigation
  readonly lobby: Signal<Lobby | undefined>
  readonly abilities: Signal<Abilities | undefined>
  /** Why the last thing that the person asked for was not done. */
  readonly problem: Signal<Reason | undefined>
  /** What was done, for a moment: "Copied." */
  readonly notice: Signal<string>
  /** All that the engine tells, for the screen that is open. */
  readonly hearers: Set<(news: News) => void>
  /** Does what the person asked for; tells why where it could not be done. Gives whether it was done. */
  attempt(work: () => Promise<unknown>): Promise<boolean>
}

/** For so long the engine opens a person's room, and is asked for nothing beside it that can wait. */
const OPENING_MS = 2_000

const Context = createContext<App | undefined>(undefined)
export const AppProvider = Context.Provider

export function useApp(): App {
  const app = useContext(Context)
  if (app === undefined) throw new Error("a screen stands outside the app")
  return app
}

export function makeApp(engine: Engine): App {
  const problem = signal<Reason | undefined>(undefined)
  return {
    engine,
    navigation: startNavigation(history, window),
    lobby: signal(undefined),
    abilities: signal(undefined),
    problem,
    notice: signal(""),
    hearers: new Set(),
    attempt: async (work) => {
      problem.value = undefined
      try {
        await work()
        return true
      } catch (error) {
        problem.value = reasonOf(error)
        return false
      }
    },
  }
}

/** News for everybody: the lobby, and then whoever listens. */
export function hear(app: App, news: News): void {
  if (news.news === "lobby") app.lobby.value = news.lobby
  if (news.news === "heard") signalNew()
  for (const one of app.hearers) one(news)
}

/**
 * From the page's beginning to its first screen. Over a slow network the engine is long in coming: who was invited writes
 * her name meanwhile, and who comes back does not wait for what this browser can do, which it could before.
 */
export async function begin(app: App, arrival: Arrival): Promise<void> {
  const { engine, navigation } = app
  try {
    if (arrival.by === "invitation") navigation.restart({ at: "invited", link: arrival.link })
    if (await engine.hasProfile()) app.lobby.value = await engine.open(true)
    const page = await firstPage(app, arrival)
    if (app.lobby.value === undefined) app.abilities.value = await engine.findAbilities()
    // what she wrote stays where it is
    if (page.at !== "invited" || navigation.page.value.at !== "invited") navigation.restart(page)
    if (page.at === "room") await new Promise((resolve) => setTimeout(resolve, OPENING_MS))
    app.abilities.value ??= await engine.findAbilities()
    if (app.abilities.value.suites.length === 0) navigation.turn({ at: "unable" })
  } catch (error) {
    const { code } = reasonOf(error)
    if (code !== "open-elsewhere") app.problem.value = { code }
    navigation.restart(code === "open-elsewhere" ? { at: "elsewhere", arrival } : { at: "failed" })
  }
}

async function firstPage(app: App, arrival: Arrival): Promise<Page> {
  if (arrival.by !== "itself") {
    if ((await app.engine.kindOf(arrival.link)) !== arrival.by) return { at: "malformed", what: arrival.by }
    return { at: arrival.by === "host" ? "hosting" : "invited", link: arrival.link }
  }
  const { lobby } = app
  if (lobby.value === undefined) return { at: "start" }
  const [only, ...others] = lobby.value.rooms
  const isOnlyOne = only !== undefined && others.length === 0 && asking(lobby.value).length === 0
  return isOnlyOne ? { at: "room", id: only.id } : { at: "rooms" }
}

/** The profile, which is made where there is none: lasting or not, as the person chose. */
export async function openProfile(app: App, isLasting: boolean): Promise<void> {
  if (app.lobby.value !== undefined) return
  // asked from the page: a worker cannot. Whatever the answer, the profile is made
  if (isLasting) await navigator.storage?.persist?.().catch(() => false)
  app.lobby.value = await app.engine.open(isLasting)
}

/** Whether something of a room is still to be sent, and can be. */
export const isWaiting = ({ rooms }: Lobby): boolean => rooms.some((one) => one.waiting > 0 && !one.isOver)

/** The knocks that still wait, or failed: who was let in has a room instead. */
export const asking = ({ knocks }: Lobby): Lobby["knocks"] => knocks.filter((one) => one.stage !== "admitted")
