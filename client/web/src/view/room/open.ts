/** The open room: told by the engine as long as its screen is there. */

import { useEffect, useRef, useState } from "preact/hooks"
import type { Draft, Entry, News, RoomNow } from "../../model/contract.ts"
import { type Heard, makeAnnouncer } from "../announce.ts"
import { type App, useApp } from "../app/app.ts"
import { reasonOf } from "../app/reason.ts"
import { emptied, isReady, ready } from "./drafting.ts"
import { release } from "./fetched.ts"
import { type History, makeHistory, textOf } from "./history.ts"

const KEEP_DRAFT_MS = 400

export interface OpenRoom {
  readonly now: RoomNow | undefined
  readonly history: History
  /** Raised with all that changes what is shown. */
  readonly version: number
  /** What is said to screen readers. */
  readonly heard: readonly Heard[]
  /** Up to which seq this person had seen everything when the room was opened. */
  readonly seenBefore: number
  readonly draft: Draft
  /** That go with the message when it is sent. */
  readonly files: readonly File[]
  /** While they are being encrypted. */
  readonly isPreparing: boolean
  change(part: Partial<Draft>): void
  choose(files: readonly File[]): void
  send(): void
}

const EMPTY: Draft = { text: "", quotable: "no", keepS: 0, replyTo: undefined }

export function useOpenRoom(id: string): OpenRoom {
  const app = useApp()
  const history = useRef(makeHistory()).current
  const [now, setNow] = useState<RoomNow>()
  const [version, setVersion] = useState(0)
  const [heard, setHeard] = useState<readonly Heard[]>([])
  const [seenBefore, setSeenBefore] = useState(Number.POSITIVE_INFINITY)
  const drafting = useDraft(app, id)
  useEffect(() => {
    const announcer = makeAnnouncer(setHeard)
    let own = ""
    const hearNews = (news: News): void => {
      if (news.news === "room" && news.room.id === id) {
        own = news.room.seat
        setNow(news.room)
      }
      if (news.news !== "entries" || news.room !== id) return
      history.take(news.entries, news.total)
      releaseGone(news.entries)
      for (const one of heardIn(news, own, history.first)) announcer.add(one)
      setVersion((before) => before + 1)
    }
    app.hearers.add(hearNews)
    app.engine.openRoom(id).then(
      (opened) => {
        own = opened.seat
        setNow((before) => before ?? opened)
        setSeenBefore(opened.seen)
        drafting.begin(opened.draft)
      },
      (error) => {
        app.problem.value = reasonOf(error)
        app.navigation.restart({ at: "rooms" })
      },
    )
    return () => {
      app.hearers.delete(hearNews)
      announcer.stop()
      release()
      app.engine.closeRoom(id).catch(() => undefined) // the engine is gone: so is the room's being open
    }
  }, [id])
  return {
    now,
    history,
    version,
    heard,
    seenBefore,
    draft: drafting.draft,
    files: drafting.files,
    isPreparing: drafting.isPreparing,
    change: drafting.change,
    choose: drafting.choose,
    send: drafting.send,
  }
}

/** Pictures of messages that are gone leave the page. */
function releaseGone(entries: readonly Entry[]): void {
  for (const one of entries) if (one.kind === "message" && one.gone !== "") release(one.id)
}

/** A message, with the files that go with it. */
function sendWith(app: App, id: string, draft: Draft, files: readonly File[]): Promise<void> {
  if (files.length === 0) return app.engine.send(id, draft)
  const wishes = files.map((file) => ({ name: file.name, type: file.type, content: file }))
  return app.engine.attach(id, draft, wishes)
}

/** Messages of others that came while the room was open. */
function heardIn(
  news: Extract<News, { news: "entries" }>,
  own: string,
  first: number | undefined,
): readonly Heard[] {
  return news.entries.flatMap((one) =>
    one.kind === "message" && one.seat !== own && one.text !== undefined && one.number >= (first ?? 0)
      ? [{ name: one.name, text: textOf(one) ?? "" }]
      : [],
  )
}

interface Drafting {
  readonly draft: Draft
  readonly files: readonly File[]
  readonly isPreparing: boolean
  choose(files: readonly File[]): void
  begin(kept: Draft): void
  change(part: Partial<Draft>): void
  send(): void
}

/**
 * What is written is on this device's disk a moment later, also for who writes without a pause, and at once when the page
 * goes. It leaves the field when it is stored as a message, and not before: an empty field means that nothing can be lost.
 */
function useDraft(app: App, id: string): Drafting {
  const [draft, setDraft] = useState(EMPTY)
  const [files, setFiles] = useState<readonly File[]>([])
  const [isPreparing, setPreparing] = useState(false)
  const chosen = useRef(files)
  const choose = (next: readonly File[]): void => {
    chosen.current = next
    setFiles(next)
  }
  const latest = useRef(EMPTY)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const sending = useRef<"no" | "one" | "more">("no")
  const disarm = (): void => {
    clearTimeout(timer.current)
    timer.current = undefined
  }
  const keep = (): void => {
    // what is becoming a message must not be a draft as well
    if (timer.current === undefined || sending.current !== "no") return
    disarm()
    app.engine.keepDraft(id, latest.current).catch(() => undefined) // it still stands in the field
  }
  const put = (next: Draft): void => {
    latest.current = next
    setDraft(next)
    timer.current ??= setTimeout(keep, KEEP_DRAFT_MS)
  }
  useEffect(() => {
    const leave = (): void => {
      if (document.visibilityState === "hidden") keep()
    }
    document.addEventListener("visibilitychange", leave)
    addEventListener("pagehide", keep)
    return () => {
      document.removeEventListener("visibilitychange", leave)
      removeEventListener("pagehide", keep)
      keep()
    }
  }, [id])
  const send = async (): Promise<void> => {
    const isFirst = sending.current === "no"
    sending.current = isFirst ? "one" : "more"
    if (!isFirst) return
    const sent = ready(latest.current)
    const going = chosen.current
    setPreparing(going.length > 0)
    const isDone = await app.attempt(() => sendWith(app, id, sent, going))
    setPreparing(false)
    if (isDone) choose(chosen.current.filter((one) => !going.includes(one)))
    const isMore = isDone && (sending.current as string) === "more"
    sending.current = "no"
    disarm()
    put(isDone ? emptied(sent, latest.current) : latest.current)
    if (isMore && isReady(latest.current, chosen.current.length)) await send()
  }
  return {
    draft,
    files,
    isPreparing,
    choose,
    begin: (kept) => {
      // what was written before the engine answered counts
      if (latest.current.text !== "") return
      latest.current = kept
      setDraft(kept)
    },
    change: (part) => put({ ...latest.current, ...part }),
    send,
  }
}
