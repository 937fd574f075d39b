/**
 * The conversation: of thousands of entries only those are in the page that are seen, and some around them.
 *
 * Rows are in normal flow between two spacers. A row's height is guessed until it was shown once; what is on the screen
 * stays where it is when heights above it turn out otherwise, and who reads the newest goes on reading the newest.
 */

import type { ComponentChildren, RefObject, VNode } from "preact"
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks"
import type { Entry } from "../../model/contract.ts"
import { Icon } from "../parts/icon.tsx"
import { words } from "../words/language.ts"
import { type Heights, makeHeights, type Range, rangeAt } from "./heights.ts"
import { type History, isShown } from "./history.ts"

const GUESS_PX = 84
const SPARE_PX = 900
/** So near to the end is at the end. */
const END_PX = 48

interface Place {
  readonly heights: Heights
  /** Of what is shown, which the heights are for. */
  version: number
  isAtEnd: boolean
  /** What stays where it is: a row, and where its beginning is below the top of what is seen. */
  anchor: { readonly row: number; readonly offset: number }
}

interface LogProps {
  readonly history: History
  /** Raised with all that changes what is shown. */
  readonly version: number
  readonly row: (entry: Entry, before: Entry | undefined) => ComponentChildren
  /** What stands below the last entry: what has still to be sent. */
  readonly children: ComponentChildren
  readonly jump: { readonly to: number | undefined; readonly asked: number }
  readonly onEnd: (isAtEnd: boolean) => void
  readonly newCount: number
}

export function Log({ history, version, row, children, jump, onEnd, newCount }: LogProps) {
  const box = useRef<HTMLDivElement>(null)
  const place = useRef<Place>({
    heights: makeHeights(),
    version: -1,
    isAtEnd: true,
    anchor: { row: 0, offset: 0 },
  })
  const [range, setRange] = useState<Range>({ first: 0, last: -1 })
  const [isAtEnd, setAtEnd] = useState(true)
  const [, redraw] = useState(0)
  const { heights } = place.current
  takeNew(place.current, history, version)

  const look = (): void => {
    const shown = box.current
    if (shown === null) return
    const next = rangeAt(heights, shown.scrollTop, shown.clientHeight, SPARE_PX)
    setRange((old) => (old.first === next.first && old.last === next.last ? old : next))
  }
  const settle = (): void => {
    if (box.current === null) return
    measure(box.current, heights)
    setScroll(box.current, place.current)
    look()
  }
  useResize(box, () => redraw((count) => count + 1))
  useLayoutEffect(settle)
  useEffect(() => {
    if (jump.asked === 0 || box.current === null) return
    goTo(box.current, place.current, jump.to)
    look()
    if (jump.to !== undefined)
      requestAnimationFrame(() => requestAnimationFrame(() => mark(box.current, jump.to)))
  }, [jump.asked])
  const onScroll = (): void => {
    if (box.current === null) return
    const end = remember(box.current, place.current)
    if (end !== isAtEnd) {
      setAtEnd(end)
      onEnd(end)
    }
    look()
  }
  const rows = useRows(row, history, range)
  return (
    <div class="log-frame">
      <div
        ref={box}
        class="log"
        role="log"
        aria-live="off"
        aria-label={words.value.room.log}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled with the keyboard
        tabIndex={0}
        onScroll={onScroll}
        onKeyDown={walk}
      >
        <div style={{ blockSize: `${heights.before(range.first)}px` }} />
        {rows}
        <div style={{ blockSize: `${Math.max(0, heights.total - heights.before(range.last + 1))}px` }} />
        {children}
      </div>
      {!isAtEnd && (
        <Newest
          count={newCount}
          onGo={() => {
            if (box.current !== null) goTo(box.current, place.current, undefined)
            look()
          }}
        />
      )}
    </div>
  )
}

function useResize(box: RefObject<HTMLElement | null>, changed: () => void): void {
  useEffect(() => {
    const observer = new ResizeObserver(changed)
    if (box.current !== null) observer.observe(box.current)
    return () => observer.disconnect()
  }, [])
}

function Newest({ count, onGo }: { readonly count: number; readonly onGo: () => void }) {
  const { room } = words.value
  return (
    <button type="button" class="button newest" onClick={onGo}>
      <Icon name="down" />
      {count > 0 ? room.newMessages(count) : room.newest}
    </button>
  )
}

/** Rows that were made stay as they are while the person scrolls: Preact passes over what is the same. */
function useRows(row: LogProps["row"], history: History, { first, last }: Range): readonly VNode[] {
  const made = useRef({ row, rows: new Map<number, VNode>() })
  if (made.current.row !== row) made.current = { row, rows: new Map() }
  const { rows } = made.current
  for (const number of rows.keys()) if (number < first || number > last) rows.delete(number)
  return history.entries
    .slice(first, last + 1)
    .filter((one): one is Entry => isShown(one))
    .map((one) => {
      const found = rows.get(one.number) ?? (
        <div key={one.number} data-row={one.number} class="log-row">
          {row(one, history.shownBefore(one.number))}
        </div>
      )
      rows.set(one.number, found)
      return found
    })
}

/** New entries get a height that is guessed; what is not shown has none. */
function takeNew(place: Place, history: History, version: number): void {
  if (place.version === version) return
  place.version = version
  const { heights } = place
  heights.grow(history.entries.length)
  for (const [number, entry] of history.entries.entries())
    if (entry !== undefined && heights.get(number) === 0 && isShown(entry)) heights.set(number, GUESS_PX)
}

function measure(box: HTMLElement, heights: Heights): void {
  for (const row of box.querySelectorAll<HTMLElement>("[data-row]")) {
    const number = Number(row.dataset.row)
    const height = row.getBoundingClientRect().height
    if (Math.abs(heights.get(number) - height) > 0.5) heights.set(number, height)
  }
  const [above] = box.children
  if (above instanceof HTMLElement) {
    const first = above.nextElementSibling
    const number = first instanceof HTMLElement ? Number(first.dataset.row ?? Number.NaN) : Number.NaN
    if (!Number.isNaN(number)) above.style.blockSize = `${heights.before(number)}px`
  }
}

function setScroll(box: HTMLElement, place: Place): void {
  const { row, offset } = place.anchor
  const wanted = place.isAtEnd ? box.scrollHeight - box.clientHeight : place.heights.before(row) - offset
  if (Math.abs(box.scrollTop - wanted) > 0.5) box.scrollTop = wanted
}

/** What the person looks at now. Gives whether that is the end. */
function remember(box: HTMLElement, place: Place): boolean {
  place.isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - END_PX
  const row = place.heights.at(box.scrollTop)
  place.anchor = { row, offset: place.heights.before(row) - box.scrollTop }
  return place.isAtEnd
}

/** To a row, or to the end. */
function goTo(box: HTMLElement, place: Place, row: number | undefined): void {
  place.isAtEnd = row === undefined
  if (row !== undefined) place.anchor = { row, offset: box.clientHeight / 3 }
  setScroll(box, place)
}

function mark(box: HTMLElement | null, row: number | undefined): void {
  const found = box?.querySelector<HTMLElement>(`[data-row="${row}"] [data-focus]`)
  found?.focus({ preventScroll: true })
}

/** With the arrow keys from one message to the next. */
function walk(event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void {
  if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return
  if (!(event.target instanceof HTMLElement) || event.altKey || event.ctrlKey || event.metaKey) return
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-focus]")]
  const here = event.target.closest<HTMLElement>("[data-focus]")
  const at = here === null ? all.length : all.indexOf(here)
  const next = all[event.key === "ArrowUp" ? at - 1 : at + 1]
  if (next === undefined) return
  event.preventDefault()
  next.focus()
}
