/**
 * What the clear log alone tells of a room: the server's epoch and seats (PROTOCOL.md, sections 6 and 8).
 *
 * A member follows it beside the fold, also where it cannot follow the encrypted room. Nothing here is decrypted, and
 * everything that an honest server would have refused changes nothing. Identifiers are base64url.
 */

import { type Bytes, b64u } from "../../base/bytes.ts"
import { EventKind, type LogEvent } from "../events.ts"
import { MAX_DRAFTS } from "../limits.ts"
import { type Operation, parseOperation } from "../operations.ts"
import { askersOf, isUse, judgeVoid, type Opening, type Verdict } from "./void.ts"

/** How many commits that members took are remembered, one under the other. */
const KEPT_OPENINGS = 16

export type Told = Extract<Operation, { readonly type: "SeatAdd" | "SeatRemove" }>

/** What the server was told of a seat: the operation, the event's id and leaf. */
export interface ToldEvent {
  readonly operation: Told
  readonly event: string
  readonly leaf: Bytes | null
}

/** A room after an event, as the server has it. */
export interface Clear {
  /** The server's. */
  readonly epoch: number
  readonly opening: string
  /** Whether a seat may facilitate, of every seat that the server ever let in. */
  readonly bits: ReadonlyMap<string, boolean>
  /** The seats that it cut off. */
  readonly gone: ReadonlySet<string>
  /** The commits that opened the epochs, the newest last, as far as they are known. */
  readonly openings: readonly Opening[]
  /** The SeatAdd and SeatRemove of one seat that end at `seq`. */
  readonly told: { readonly all: readonly ToldEvent[]; readonly by: string; readonly seq: number }
}

/** The room after an event. Of a VoidCommit: what it does; and where it took effect, the commit. */
export interface Followed {
  readonly clear: Clear
  readonly verdict?: Verdict
  readonly voided?: Opening
}

export const NOTHING_TOLD: Clear["told"] = { all: [], by: "", seq: 0 }

/** A room without events. */
export const firstClear = (room: string, creator: string): Clear => ({
  epoch: 0,
  opening: room,
  bits: new Map([[creator, true]]),
  gone: new Set(),
  openings: [],
  told: NOTHING_TOLD,
})

/** The room after the next event of its log. */
export function follow(clear: Clear, event: LogEvent): Followed {
  const seat = b64u(event.seat)
  const operation = operationOf(event)
  if (event.epoch !== clear.epoch || !isPresent(clear, seat)) return refused(clear, operation)
  if (event.kind === EventKind.CONTROL) return operated(clear, event, seat, operation)
  const used = usedBy(clear, event.kind, seat)
  return { clear: event.kind === EventKind.COMMIT ? opened(used, event, seat) : used }
}

/** Without the openings that lie so deep that nobody goes back to them. */
export const forgotten = (clear: Clear): Clear => ({
  ...clear,
  openings: clear.openings.slice(-KEPT_OPENINGS),
})

/** What `sender` told the server directly before the event `seq`. */
export const toldBefore = ({ told }: Clear, seq: number, sender: string): readonly ToldEvent[] =>
  told.by === sender && told.seq + 1 === seq ? told.all : []

/** Whether the server takes anything from a seat. */
const isPresent = (clear: Clear, seat: string): boolean => clear.bits.has(seat) && !clear.gone.has(seat)

/** The seats that may send operations. */
const withBit = (clear: Clear): readonly string[] =>
  [...clear.bits].filter(([seat, bit]) => bit && !clear.gone.has(seat)).map(([seat]) => seat)

/** The seats that may send operations, and whose asking for a commit to be taken back counts. */
export const askersOfTop = (clear: Clear, top: Opening): ReadonlySet<string> => {
  const present = new Set(withBit(clear))
  return new Set([...askersOf(top, present)].filter((seat) => present.has(seat)))
}

/** Whether the server takes operations of a seat. */
export const hasBit = (clear: Clear, seat: string): boolean =>
  clear.bits.get(seat) === true && !clear.gone.has(seat)

/** The commit that opened the epoch; undefined where there is none, or it is not known any more. */
export function topOf({ opening, openings }: Clear): Opening | undefined {
  const known = openings.at(-1)
  return known?.commit === opening ? known : undefined
}

const refused = (clear: Clear, operation: Operation | undefined): Followed =>
  operation?.type === "VoidCommit" ? { clear, verdict: "refused" } : { clear }

function operationOf(event: LogEvent): Operation | undefined {
  if (event.kind !== EventKind.CONTROL || event.body === null) return undefined
  try {
    return parseOperation(event.body)
  } catch {
    return undefined // the server would have refused it
  }
}

function usedBy(clear: Clear, kind: EventKind, seat: string): Clear {
  const top = topOf(clear)
  if (top === undefined || top.used || !isUse(top, kind, seat)) return clear
  return { ...clear, openings: [...clear.openings.slice(0, -1), { ...top, used: true }] }
}

function opened(clear: Clear, event: LogEvent, author: string): Clear {
  const told = toldBefore(clear, event.seq, author).map((one) => one.operation)
  const seatsOf = (type: Told["type"]) =>
    new Set(told.filter((one) => one.type === type).map((one) => b64u(one.seat)))
  const opening: Opening = {
    commit: b64u(event.id),
    author,
    epoch: clear.epoch,
    before: clear.opening,
    added: seatsOf("SeatAdd"),
    removed: seatsOf("SeatRemove"),
    used: false,
    asked: new Set(),
  }
  return {
    ...clear,
    epoch: clear.epoch + 1,
    opening: opening.commit,
    openings: [...clear.openings, opening],
    told: { ...clear.told, all: [] },
  }
}

/** What an operation does at the server, which obeys seats that have the bit. */
function operated(clear: Clear, event: LogEvent, sender: string, operation: Operation | undefined): Followed {
  if (operation === undefined || clear.bits.get(sender) !== true) return refused(clear, operation)
  switch (operation.type) {
    case "SeatAdd": {
      const seat = b64u(operation.seat)
      if (clear.bits.has(seat)) return { clear }
      return { clear: tell(withBitOf(clear, seat, operation.mayFacilitate), event, sender, operation) }
    }
    case "SeatRemove": {
      const seat = b64u(operation.seat)
      if (!isPresent(clear, seat)) return { clear }
      return { clear: tell({ ...clear, gone: new Set([...clear.gone, seat]) }, event, sender, operation) }
    }
    case "SeatSet": {
      const seat = b64u(operation.seat)
      return { clear: isPresent(clear, seat) ? withBitOf(clear, seat, operation.mayFacilitate) : clear }
    }
    case "VoidCommit":
      return judged(clear, sender, b64u(operation.commit))
    default:
      return { clear }
  }
}

const withBitOf = (clear: Clear, seat: string, bit: boolean): Clear => ({
  ...clear,
  bits: new Map([...clear.bits, [seat, bit]]),
})

function tell(clear: Clear, event: LogEvent, by: string, operation: Told): Clear {
  const before = toldBefore(clear, event.seq, by).slice(-MAX_DRAFTS)
  return {
    ...clear,
    told: { all: [...before, { operation, event: b64u(event.id), leaf: event.leaf }], by, seq: event.seq },
  }
}

function judged(clear: Clear, sender: string, commit: string): Followed {
  const top = topOf(clear)
  const verdict = judgeVoid(top, withBit(clear), commit, sender)
  if (top === undefined || verdict === "refused") return { clear, verdict }
  const below = clear.openings.slice(0, -1)
  if (verdict === "asked") {
    const asked = { ...top, asked: new Set([...top.asked, sender]) }
    return { clear: { ...clear, openings: [...below, asked] }, verdict }
  }
  const back = {
    ...clear,
    epoch: top.epoch,
    opening: top.before,
    bits: new Map([...clear.bits].filter(([seat]) => !top.added.has(seat))),
    gone: new Set([...clear.gone].filter((seat) => !top.removed.has(seat) && !top.added.has(seat))),
    openings: below,
  }
  return { clear: back, verdict, voided: top }
}
