/** What the page is told by itself: at most so often, and of rooms that are open there alone. */

import type { Entry, News } from "./contract.ts"

/** How long changes are gathered. */
const GATHER_MS = 40
/** How many of a room's entries are told first, and how many in each piece after. */
const FIRST_ENTRIES = 100
const PIECE_ENTRIES = 500

/** What is asked when something is to be told. */
export interface Source {
  lobby(): Extract<News, { readonly news: "lobby" }>["lobby"]
  room(room: string): Extract<News, { readonly news: "room" }>["room"]
  entries(room: string): readonly Entry[]
}

export class Newsroom {
  readonly #tell: (news: News) => void
  readonly #source: Source
  readonly #open = new Set<string>()
  /** Of open rooms: the numbers of entries that are new or changed. */
  readonly #changed = new Map<string, Set<number>>()
  readonly #heard = new Set<string>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(tell: (news: News) => void, source: Source) {
    this.#tell = tell
    this.#source = source
  }

  /** The room is shown on the page: it is told how it is, what changes, and all entries, the latest first. */
  open(room: string): void {
    this.#open.add(room)
    // it may have changed since the page asked for it
    this.#tell({ news: "room", room: this.#source.room(room) })
    const total = this.#source.entries(room).length
    this.#tellPiece(room, total, FIRST_ENTRIES)
  }

  close(room: string): void {
    this.#open.delete(room)
    this.#changed.delete(room)
  }

  /** Something of a room has changed. */
  changed(room: string, entries: readonly Entry[], isHeard: boolean): void {
    if (this.#open.has(room)) {
      const numbers = this.#changed.get(room) ?? new Set()
      for (const { number } of entries) numbers.add(number)
      this.#changed.set(room, numbers)
    }
    if (isHeard) this.#heard.add(room)
    this.gather()
  }

  /** Tells soon. */
  gather(): void {
    this.#timer ??= setTimeout(() => this.#tellAll(), GATHER_MS)
  }

  /** Nothing more is told. */
  end(): void {
    this.#open.clear()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => undefined, 0)
  }

  #tellAll(): void {
    this.#timer = undefined
    for (const [room, numbers] of this.#changed) {
      const all = this.#source.entries(room)
      const entries = [...numbers].sort((one, other) => one - other).flatMap((number) => all[number] ?? [])
      if (entries.length > 0) this.#tell({ news: "entries", room, entries, total: all.length })
      this.#tell({ news: "room", room: this.#source.room(room) })
    }
    this.#changed.clear()
    for (const room of this.#heard) this.#tell({ news: "heard", room })
    this.#heard.clear()
    this.#tell({ news: "lobby", lobby: this.#source.lobby() })
  }

  /** The entries before a number, the latest of them first, piece by piece: the worker does other things between. */
  #tellPiece(room: string, before: number, size: number): void {
    if (!this.#open.has(room)) return
    const all = this.#source.entries(room)
    const from = Math.max(0, before - size)
    this.#tell({ news: "entries", room, entries: all.slice(from, before), total: all.length })
    if (from > 0) setTimeout(() => this.#tellPiece(room, from, PIECE_ENTRIES), 0)
  }
}
