/** What the person has seen: told when the newest is on a screen that is looked at. */

import { useEffect, useRef, useState } from "preact/hooks"
import type { RoomNow } from "../../model/contract.ts"
import { useApp } from "../app/app.ts"
import type { History } from "./history.ts"

const TELL_MS = 800

/** Gives how many messages of others are new and not seen. */
export function useSeen(now: RoomNow, history: History, isAtEnd: boolean): number {
  const app = useApp()
  const isLookedAt = useLookedAt()
  const newest = useRef(0)
  newest.current = newestSeq(history)
  const isDue = isAtEnd && isLookedAt && !now.isOver && newest.current > now.seen
  useEffect(() => {
    if (!isDue) return undefined
    // what comes meanwhile does not put it off: in a lively room it would never be told
    const timer = setInterval(() => {
      app.engine.seen(now.id, newest.current).catch(() => undefined) // it is told with the next one
    }, TELL_MS)
    return () => clearInterval(timer)
  }, [isDue, now.id])
  return isAtEnd ? 0 : unseen(now, history)
}

function newestSeq({ entries }: History): number {
  for (let at = entries.length - 1; at >= 0; at -= 1) {
    const seq = entries[at]?.seq ?? 0
    if (seq > 0) return seq
  }
  return 0
}

function unseen(now: RoomNow, { entries }: History): number {
  let count = 0
  for (let at = entries.length - 1; at >= 0; at -= 1) {
    const entry = entries[at]
    if (entry === undefined || (entry.seq > 0 && entry.seq <= now.seen)) break
    if (entry.kind === "message" && entry.seat !== now.seat) count += 1
  }
  return count
}

const isSeenNow = (): boolean => document.visibilityState === "visible" && document.hasFocus()

function useLookedAt(): boolean {
  const [isLookedAt, setLookedAt] = useState(isSeenNow)
  useEffect(() => {
    const look = (): void => setLookedAt(isSeenNow())
    document.addEventListener("visibilitychange", look)
    addEventListener("focus", look)
    addEventListener("blur", look)
    return () => {
      document.removeEventListener("visibilitychange", look)
      removeEventListener("focus", look)
      removeEventListener("blur", look)
    }
  }, [])
  return isLookedAt
}
