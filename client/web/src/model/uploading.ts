/** Attachments on their way: part by part, again from where it was after a reload, a cut or a restart of the server. */

import { parseBegun, parsePut } from "../protocol/blob_requests.ts"
import { partCount, sealedSize } from "../protocol/blobs.ts"
import { parseB64u } from "../protocol/ids.ts"
import type { Attachment } from "../protocol/room/attachments.ts"
import { BlobHost } from "./connection/blobs.ts"
import { ClientError, ServerUnreachable } from "./errors.ts"
import { type Ledger, newChange } from "./ledger.ts"
import { UNBLOB } from "./notes.ts"
import { Signal } from "./signal.ts"
import { messageBody } from "./speaking.ts"
import type { Clock } from "./time.ts"
import { dropUpload, noteUpload, partName, type Upload, uploadAt, uploadsIn } from "./uploads.ts"

const FIRST_PAUSE_MS = 1_000
const LAST_PAUSE_MS = 30_000
/** A wake that nobody sets: it looks now and then. */
const LOOK_MS = 60_000
/** What is tried again by itself. */
const LATER: readonly string[] = [
  "server-unreachable",
  "too-fast",
  "too-slow",
  "internal",
  "stopping",
  "storage-full",
  "unknown-blob",
]

/** One room's uploads, one after another. What the server was not asked to keep it is not asked to delete. */
export class Uploads {
  readonly #ledger: Ledger
  readonly #host: BlobHost
  readonly #clock: Clock
  readonly #enqueued: () => void
  readonly #wake = new Signal()
  readonly #stands = new Map<number, number>()
  #isEnding = false

  constructor(ledger: Ledger, clock: Clock, enqueued: () => void) {
    this.#ledger = ledger
    this.#host = new BlobHost(ledger, clock)
    this.#clock = clock
    this.#enqueued = enqueued
  }

  /** From 0 to 1. */
  progress(place: number): number {
    return this.#stands.get(place) ?? 0
  }

  wake(): void {
    this.#wake.set()
  }

  end(): void {
    this.#isEnding = true
    this.#wake.set()
  }

  /** Until `end`. */
  async run(): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; !this.#isEnding; ) {
      const isDone = await this.#step().catch(() => undefined)
      pause = isDone === undefined ? Math.min(2 * pause, LAST_PAUSE_MS) : FIRST_PAUSE_MS
      if (isDone !== true && !this.#isEnding) await this.#wake.wait(isDone === undefined ? pause : LOOK_MS)
    }
  }

  /** Whether there was something to do. Throws what may be otherwise a little later. */
  async #step(): Promise<boolean> {
    const ledger = this.#ledger
    if (ledger.stopped !== undefined) return false
    for (const name of ledger.notes.keys())
      if (name.startsWith(UNBLOB)) {
        await this.#delete(name)
        return true
      }
    const upload = uploadsIn(ledger).find(({ failure, isWhole }) => isWhole && failure === "")
    if (upload === undefined) return false
    await this.#transfer(upload)
    return true
  }

  async #delete(name: string): Promise<void> {
    await this.#host
      .ask("delete", parseB64u(name.slice(UNBLOB.length)), 0, () => undefined)
      .catch(unlessLater)
    await this.#ledger.alone(() => this.#ledger.store(newChange({ dropNotes: new Set([name]) })))
  }

  async #transfer(upload: Upload): Promise<void> {
    try {
      const total = upload.attachments.reduce((sum, { size }) => sum + partCount(size), 0)
      let before = 0
      for (const one of upload.attachments) {
        await this.#send(upload, one, (count) => this.#tell(upload, (before + count) / total))
        before += partCount(one.size)
      }
      await this.#enqueue(upload)
    } catch (error) {
      if (this.#isEnding || uploadAt(this.#ledger, upload.place) === undefined) return
      if (!(error instanceof ClientError) || LATER.includes(error.code)) throw error
      const change = newChange()
      noteUpload(change, { ...upload, failure: error.code })
      await this.#ledger.alone(() => this.#ledger.store(change))
    }
  }

  #tell({ place }: Upload, done: number): void {
    this.#stands.set(place, done)
    this.#ledger.tell()
  }

  async #send(upload: Upload, { blob, size }: Attachment, tell: (count: number) => void): Promise<void> {
    const id = parseB64u(blob)
    const stands = new Set(await this.#host.ask("begin", id, sealedSize(size), parseBegun))
    tell(stands.size)
    for (let number = 0; number < partCount(size); number++) {
      if (stands.has(number)) continue
      // it was taken away, or the profile is closed
      if (this.#isEnding || uploadAt(this.#ledger, upload.place) === undefined) throw new ServerUnreachable()
      const part = await this.#ledger.part(partName(blob, number))
      if (part === undefined) throw new ClientError("profile-damaged")
      await this.#host.ask("part", id, number, parsePut, part)
      stands.add(number)
      tell(stands.size)
    }
  }

  /** From an upload to a message of the outbox, in one transaction: neither is lost nor doubled. */
  async #enqueue(upload: Upload): Promise<void> {
    const ledger = this.#ledger
    await ledger.alone(async () => {
      if (uploadAt(ledger, upload.place) === undefined) return
      const change = newChange()
      dropUpload(change, upload)
      const nowS = Math.max(ledger.view.time, this.#clock())
      await ledger.enqueue("chat", "message", messageBody(upload.draft, nowS, upload.attachments), [], change)
    })
    this.#stands.delete(upload.place)
    this.#enqueued()
  }
}

/** What the server does not let this seat delete, it deletes when its time is over. */
function unlessLater(error: unknown): void {
  if (!(error instanceof ClientError) || LATER.includes(error.code)) throw error
}
