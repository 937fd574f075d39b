/** Who reads a message, whether it may be quoted, how long it is kept: in words. Pure. */

import type { Draft, RoomNow } from "../../model/contract.ts"
import type { Catalogue } from "../words/en.ts"

type Retention = NonNullable<RoomNow["state"]>["retention"]

const HOUR_S = 3600
/** How long a message may be kept, where its author wants it shorter than the room's rule; 0: as the rule says. */
export const KEEPS_S: readonly number[] = [0, HOUR_S, 24 * HOUR_S, 7 * 24 * HOUR_S, 30 * 24 * HOUR_S]

/** "for 7 days, or until all have read it". */
export function keptOf(retention: Retention, { exposure, say }: Catalogue): string {
  const length = retention.seconds === 0 ? undefined : exposure.keptFor(say.duration(retention.seconds))
  if (length === undefined) return retention.after_reading ? exposure.keptRead : exposure.keptClosed
  return retention.after_reading ? exposure.keptOr(length, exposure.keptRead) : length
}

/** What holds for what is written now: readers, quoting, keeping. */
export function exposureOf(now: RoomNow, draft: Draft, words: Catalogue): readonly [string, string, string] {
  const { exposure, say } = words
  const rule = now.state?.retention ?? { seconds: 0, after_reading: false }
  const own = draft.keepS === 0 ? rule : { seconds: draft.keepS, after_reading: rule.after_reading }
  return [
    exposure.readers(now.members.length),
    exposure[draft.quotable],
    exposure.kept(keptOf(own, { ...words, say })),
  ]
}

/** Only what is no longer than the room keeps it anyway. */
export const keepsFor = (retention: Retention | undefined): readonly number[] =>
  KEEPS_S.filter((one) => retention === undefined || retention.seconds === 0 || one < retention.seconds)
