/**
 * Incoming events: prepare, write, emit (PROTOCOL.md, section 8).
 *
 * A batch is one transaction: view, timeline, what left the outbox, and the letter for whom an own commit admitted. A
 * crash before it forgets the batch and fetches it again; a crash after it goes on.
 */

import { type Bytes, b64u, equal, parseUtf8, utf8 } from "../base/bytes.ts"
import { EventKind, type LogEvent } from "../protocol/events.ts"
import { deriveMailKeys } from "../protocol/invitation.ts"
import { parseFragment } from "../protocol/link.ts"
import { Stopped } from "./errors.ts"
import { giveUp, noteOld } from "./giving_up.ts"
import { type Attempt, type Item, parseItem } from "./items.ts"
import { type Change, type Ledger, newChange } from "./ledger.ts"
import { ANSWER, admissionOf, sealAnswer } from "./letters.ts"
import { encodePending, INVITE, LED, LETTER, OLD, PATH, RECORD } from "./notes.ts"
import { type Found, findOwn } from "./outbox.ts"
import { promisedBy } from "./promises.ts"
import { checkPromised } from "./room/checks.ts"
import type { Fact } from "./room/entries.ts"
import { encodeRecordEntry } from "./room/leaves.ts"
import { prepare } from "./room/prepare.ts"
import { withinScope } from "./room/scope.ts"
import type { RoomView } from "./room/view.ts"

/** Takes events in the order of the log. Throws Stopped, when everything before it is stored. */
export const take = (ledger: Ledger, events: readonly LogEvent[]): Promise<void> =>
  ledger.alone(async () => {
    if (ledger.stopped !== undefined || ledger.view.presence !== "present") return
    const batch = new Batch(ledger)
    try {
      for (const event of events) await batch.add(event)
    } catch (error) {
      if (!(error instanceof Stopped)) throw error
      const { code } = error
      batch.change.facts.push({ kind: "stopped", seq: 0, time: batch.view.time, seat: batch.witness, code })
      await ledger.stop(error, batch.change)
      throw error
    }
    if (batch.change.view !== undefined) await ledger.store(batch.change)
  })

/** Events prepared one after another, not stored yet. */
class Batch {
  readonly change: Change = newChange()
  view: RoomView
  /** Whose event was the last that was looked at. */
  witness: string
  readonly #ledger: Ledger
  readonly #items: Map<number, Item>
  readonly #promised: ReadonlyMap<number, Bytes>
  /** Who wrote the messages of this batch. */
  readonly #said = new Map<string, string>()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
    this.#items = new Map(ledger.items)
    this.#promised = promisedBy(ledger)
    this.view = ledger.view
    this.witness = ledger.view.own
  }

  /** One event more. Throws Stopped, and then the batch is as before. */
  async add(event: LogEvent): Promise<void> {
    if (event.seq <= this.view.seq || this.view.presence !== "present") return
    this.witness = b64u(event.seat)
    const found = equal(event.seat, this.view.seat) ? this.#own(event) : undefined
    const before = this.view
    const { entry, facts, view } = await prepare(before, event, found?.own, this.#authorOf)
    checkPromised(view, this.#promised)
    if (entry !== undefined) this.change.notes.set(`${RECORD}${before.record.size}`, encodeRecordEntry(entry))
    this.view = view
    this.change.view = view
    for (const fact of withinScope(view, facts, this.#authorOf)) {
      this.change.facts.push(fact)
      if (fact.kind === "message") this.#said.set(fact.id, fact.seat)
    }
    this.#noteLed(before, facts)
    if (found === undefined) this.#heard(event)
    else await this.#settle(event, found, facts)
  }

  readonly #authorOf = (message: string): string | undefined =>
    this.#said.get(message) ?? this.#ledger.authorOf(message)

  #own(event: LogEvent): Found | undefined {
    const id = b64u(event.id)
    const found = findOwn(this.#items.values(), id)
    if (found !== undefined) return found
    const kept = this.change.notes.get(OLD + id) ?? this.#ledger.notes.get(OLD + id)
    return kept === undefined ? undefined : findOwn([parseItem(kept)], id)
  }

  /** An own event is in the log; with the last of its Submit the item is done. */
  async #settle(event: LogEvent, { attempt, item }: Found, facts: readonly Fact[]): Promise<void> {
    if (event.kind === EventKind.COMMIT) {
      if (attempt.transition?.change.renewed.length) this.change.notes.set(PATH, utf8(String(event.time)))
      if (facts.some((fact) => fact.kind === "joined")) await this.#letIn(item, attempt)
    }
    const isLast = attempt.drafts.at(-1)?.id === b64u(event.id)
    if (!isLast || !this.#items.has(item.place)) return
    this.#items.delete(item.place)
    const others = item.attempts.filter((one) => one !== attempt)
    const ignored = facts.find((fact) => fact.kind === "ignored")
    if (ignored !== undefined && item.type === "message" && ignored.code !== "intent-doubled")
      return giveUp(this.change, this.view, { ...item, attempts: others }, ignored.code)
    this.change.dropItems.add(item.place)
    // of chat that counted, a doubling is known by its number: its words need not be kept
    noteOld(this.change, item.lane === "chat" ? { ...item, body: {} } : item, others)
  }

  /** The letter with the Welcome, for the seat that the commit at hand added. */
  async #letIn({ plan }: Item, { transition }: Attempt): Promise<void> {
    const fragment = this.#ledger.notes.get(INVITE + (plan?.mailbox ?? ""))
    if (plan === null || fragment === undefined || transition === null) return
    const { tree, welcome } = transition
    if (tree === null || welcome === null) return
    const keys = deriveMailKeys(parseFragment(parseUtf8(fragment)))
    const sealed = await sealAnswer(keys, admissionOf(this.view, welcome, tree))
    const letter = encodePending({ mailbox: keys.mailbox, step: ANSWER, sealed })
    this.change.notes.set(LETTER + plan.seat, letter)
  }

  /** Which invitation led in who came in. */
  #noteLed(before: RoomView, facts: readonly Fact[]): void {
    const came = new Set(facts.flatMap((fact) => (fact.kind === "joined" ? [fact.joined] : [])))
    if (came.size === 0) return
    for (const { act } of Object.values(before.state?.approvals ?? {}))
      if (act.act === "add" && act.seat !== undefined && came.has(act.seat))
        this.change.notes.set(`${LED}${act.mailbox}`, utf8(act.seat))
  }

  /** Who writes has come in: its letter is not needed any more. */
  #heard(event: LogEvent): void {
    const name = LETTER + b64u(event.seat)
    if (this.#ledger.notes.has(name)) this.change.dropNotes.add(name)
  }
}
