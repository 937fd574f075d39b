/** What leads into rooms (doors.ts), from before its code is there. */

import type { HostLine, KnockLine, MakingLine } from "./contract.ts"
import type { Doors, DoorsWorld } from "./doors.ts"
import { NotAllowed } from "./errors.ts"
import { HOST_LINK } from "./hosting.ts"
import type { Later, Online } from "./later.ts"
import { contentOf, parseRow, type RowKind } from "./store/row.ts"

type Rows = ReadonlyMap<string, Uint8Array>

/** Rows of the profile of which nothing can be told without the doors' own code. */
const WAITING: readonly RowKind[] = ["knock", "making"]

export class Gate {
  readonly #world: Omit<DoorsWorld, "hostAt">
  readonly #later: Later
  #rows: Rows = new Map()
  #doors: Doors | undefined
  #isEnded = false

  constructor(world: Omit<DoorsWorld, "hostAt">, later: Later) {
    this.#world = world
    this.#later = later
  }

  /** Undefined until they are open. */
  get doors(): Doors | undefined {
    return this.#doors
  }

  get knocks(): readonly KnockLine[] {
    return this.#doors?.knocks ?? []
  }

  get makings(): readonly MakingLine[] {
    return this.#doors?.makings ?? []
  }

  get hosts(): readonly HostLine[] {
    return this.#doors?.hosts ?? hostsIn(this.#rows)
  }

  /** Takes up what the profile has; returns when all of it is told. */
  async load(rows: Rows): Promise<void> {
    this.#rows = rows
    this.#doors?.load(rows)
    const opening = this.#later.wait().then((online) => this.#openWith(online))
    if ([...rows.values()].some((row) => WAITING.some((kind) => kind === kindOf(row)))) await opening
    else opening.catch(() => undefined) // it ended before
  }

  /** For what somebody asks for now. Throws ServerUnreachable. */
  async open(): Promise<Doors> {
    return this.#openWith(await this.#later.get())
  }

  #openWith({ openDoors }: Online): Doors {
    if (this.#doors !== undefined) return this.#doors
    if (this.#isEnded) throw new NotAllowed("not-open")
    this.#doors = openDoors(this.#world)
    this.#doors.load(this.#rows)
    return this.#doors
  }

  /** Nothing more is sent; what is stored goes on when the profile is opened again. */
  end(): void {
    this.#isEnded = true
    this.#doors?.end()
  }
}

/** Undefined where the row cannot be read: the others are taken up all the same. */
function kindOf(row: Uint8Array): string | undefined {
  try {
    return parseRow(row).kind
  } catch {
    return undefined
  }
}

const hostsIn = (rows: Rows): readonly HostLine[] =>
  [...rows.values()].flatMap((row) =>
    kindOf(row) === "host" ? [{ url: contentOf(parseRow(row), HOST_LINK).url }] : [],
  )
