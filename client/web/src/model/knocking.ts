/** Waiting at the door: an invitee that knocked, until it is let in (PROTOCOL.md, section 10). */

import type { Letter as Mail } from "../protocol/http.ts"
import { deriveMailKeys, type MailKeys } from "../protocol/invitation.ts"
import type { Host } from "./connection/host.ts"
import type { KnockLine, KnockStage, Reason } from "./contract.ts"
import { type Admitted, enterRoom } from "./entering.ts"
import { ClientError, NotAllowed, ServerRefused, ServerUnreachable } from "./errors.ts"
import { checkChallenge, type Knocker, requestOf, wordsOf } from "./joining.ts"
import {
  ANSWER,
  type Answer,
  CHALLENGE,
  CLAIM,
  lastAnswer,
  openLetter,
  parseAnswer,
  parseChallenge,
  REVEAL,
} from "./letters.ts"
import { Signal } from "./signal.ts"
import type { Clock } from "./time.ts"

/** How long to wait between two looks into the mailbox, and at most after one that failed. */
const LOOK_MS = 1000
const LAST_BACKOFF_MS = 30_000
/** How often this device may fail to enter, until the person is told. */
const MAX_FAILURES = 3
/** How far an invitee's clock and the server's may be apart (PROTOCOL.md, section 12). */
const CLOCK_SKEW_S = 300
/** After these it is tried again. */
const LATER = ["too-fast", "internal", "stopping", "storage-full"]

/** What a door does with what it comes to. */
export interface Doorstep {
  /** Stores the knocker, which has changed. */
  keep(knocker: Knocker): Promise<void>
  /** Takes the room in; returns when it is stored. */
  enter(knocker: Knocker, admitted: Admitted): Promise<void>
  /** Where the knock stands has changed. */
  tell(): void
}

/** One knock's conversation. */
export class Door {
  readonly #host: Host
  readonly #doorstep: Doorstep
  readonly #clock: Clock
  readonly #lookMs: number
  readonly #mailKeys: MailKeys
  readonly #end = new AbortController()
  readonly #wake = new Signal()
  #knocker: Knocker
  #answer: Answer | undefined
  #isAway = false
  #room: string | undefined
  #failure: Reason | undefined

  constructor(host: Host, knocker: Knocker, doorstep: Doorstep, clock: Clock, lookMs = LOOK_MS) {
    this.#lookMs = lookMs
    this.#host = host
    this.#doorstep = doorstep
    this.#clock = clock
    this.#knocker = knocker
    this.#mailKeys = deriveMailKeys(knocker.invitation)
  }

  get knocker(): Knocker {
    return this.#knocker
  }

  /** Where the knock stands; `id` is the mailbox. */
  line(id: string): KnockLine {
    return {
      id,
      name: this.#knocker.name,
      stage: this.#stage(),
      words: wordsOf(this.#knocker),
      reason: this.#reason(),
      room: this.#room,
    }
  }

  /** Knocks and waits until the room is here, or something is wrong, or the door is left. */
  async run(): Promise<void> {
    try {
      await this.#reachWords()
      const admitted = await this.#reachAdmission()
      this.#end.signal.throwIfAborted()
      await this.#doorstep.enter(this.#knocker, admitted)
      this.#room = admitted.view.id
    } catch (error) {
      this.#failure = reasonOf(error)
    }
    if (!this.#end.signal.aborted) this.#doorstep.tell()
  }

  /** Looks at once: the network is back. */
  look(): void {
    this.#wake.set()
  }

  /** Nothing more is sent. */
  leave(): void {
    this.#end.abort(new ClientError("closed"))
    this.#wake.set()
  }

  #stage(): KnockStage {
    if (this.#room !== undefined) return "admitted"
    if (this.#failure !== undefined) return "failed"
    return this.#knocker.challenge === null ? "asking" : "waiting"
  }

  #reason(): Reason | undefined {
    if (this.#room !== undefined || this.#failure !== undefined) return this.#failure
    if (this.#isAway) return { code: "server-unreachable" }
    if (this.#knocker.challenge === null) return { code: "waiting-for-device" }
    const parties = this.#answer?.answer === "waiting" ? (this.#answer.missing ?? []) : []
    return { code: "waiting-for-facilitator", parties: parties.map(([, name]) => name) }
  }

  async #reachWords(): Promise<void> {
    for (;;) {
      await this.#takeChallenge(await this.#exchange(CLAIM))
      if (this.#knocker.challenge !== null) return
      await this.#rest(this.#lookMs)
    }
  }

  async #reachAdmission(): Promise<Admitted> {
    for (let step = REVEAL, failures = 0; ; step = 0) {
      await this.#takeAnswer(await this.#exchange(step))
      if (this.#answer?.answer === "declined") throw new NotAllowed("declined")
      if (this.#answer?.answer === "admitted")
        try {
          return await enterRoom(this.#knocker, this.#answer)
        } catch (error) {
          failures += 1
          if (error instanceof ClientError || failures === MAX_FAILURES) throw error
        }
      await this.#rest(this.#lookMs)
    }
  }

  /** One request; while the server is away it is made again and again. */
  async #exchange(step: number): Promise<readonly Mail[]> {
    for (let wait = this.#lookMs; ; wait = Math.min(2 * wait, LAST_BACKOFF_MS)) {
      try {
        const mail = await this.#host.mail(await requestOf(this.#knocker, step, this.#clock()))
        this.#end.signal.throwIfAborted()
        this.#noteAway(false)
        return mail
      } catch (error) {
        if (error instanceof ServerRefused && error.code === "expired") throw await this.#expired()
        if (!isForLater(error)) throw error
      }
      this.#noteAway(true)
      await this.#rest(wait)
    }
  }

  /** The invitation's time is over, or this device's clock is wrong: the server's tells which. */
  async #expired(): Promise<ClientError> {
    try {
      const { time } = await this.#host.greet()
      if (Math.abs(time - this.#clock()) > CLOCK_SKEW_S) return new NotAllowed("clock-wrong")
      return new NotAllowed("expired")
    } catch {
      return new NotAllowed("expired-or-clock-wrong")
    }
  }

  /** The first challenge counts for good: the words are bound to it. */
  async #takeChallenge(letters: readonly Mail[]): Promise<void> {
    for (const mail of letters) {
      const letter = await openLetter(this.#mailKeys, mail, CHALLENGE, parseChallenge)
      if (letter === undefined || this.#knocker.challenge !== null) continue
      const knocker = { ...this.#knocker, challenge: checkChallenge(this.#knocker, letter) }
      this.#end.signal.throwIfAborted()
      await this.#doorstep.keep(knocker)
      this.#knocker = knocker
      this.#doorstep.tell()
    }
  }

  /** The last answer that is whole. */
  async #takeAnswer(letters: readonly Mail[]): Promise<void> {
    const opened = letters.map((mail) => openLetter(this.#mailKeys, mail, ANSWER, parseAnswer))
    const answers = (await Promise.all(opened)).filter((one) => one !== undefined)
    const last = lastAnswer(answers)
    const isNew = JSON.stringify(last?.missing) !== JSON.stringify(this.#answer?.missing)
    this.#answer = last ?? this.#answer
    if (isNew) this.#doorstep.tell()
  }

  #noteAway(isAway: boolean): void {
    if (this.#isAway === isAway) return
    this.#isAway = isAway
    this.#doorstep.tell()
  }

  async #rest(ms: number): Promise<void> {
    await this.#wake.wait(ms)
    this.#end.signal.throwIfAborted()
  }
}

/** Whether what went wrong with a server may be tried again. */
export const isForLater = (error: unknown): boolean =>
  error instanceof ServerUnreachable || (error instanceof ServerRefused && LATER.includes(error.code))

function reasonOf(error: unknown): Reason {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return { code: error.code }
  return { code: "internal" }
}
