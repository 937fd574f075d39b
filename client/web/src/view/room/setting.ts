/** What a facilitator wants to change of a room's settings. Pure. */

import type { RoomNow, Settings } from "../../model/contract.ts"
import { linesOf } from "../screens/making_wish.ts"

export type SetState = NonNullable<RoomNow["state"]>

export interface Wanted {
  readonly title: string
  readonly welcome: string
  readonly rules: string
  readonly retentionS: number
  readonly afterReading: boolean
  readonly history: SetState["history"]
  readonly admission: SetState["admission"]["rule"]
}

export const wantedOf = (state: SetState): Wanted => ({
  title: state.title,
  welcome: state.welcome,
  rules: state.rules.lines.join("\n"),
  retentionS: state.retention.seconds,
  afterReading: state.retention.after_reading,
  history: state.history,
  admission: state.admission.rule,
})

/** Only what is another than it was: each is an event of its own, which everybody sees. */
export function changesOf(state: SetState, wanted: Wanted): Settings {
  const title = wanted.title.trim()
  const welcome = wanted.welcome.trim()
  const rules = linesOf(wanted.rules)
  const { retention } = state
  const isKeptOtherwise =
    wanted.retentionS !== retention.seconds || wanted.afterReading !== retention.after_reading
  return {
    ...(title === state.title ? {} : { title }),
    ...(welcome === state.welcome ? {} : { welcome }),
    ...(rules.join("\n") === state.rules.lines.join("\n") ? {} : { rules }),
    ...(isKeptOtherwise
      ? { retention: { seconds: wanted.retentionS, after_reading: wanted.afterReading } }
      : {}),
    ...(wanted.history === state.history ? {} : { history: wanted.history }),
    ...(wanted.admission === state.admission.rule ? {} : { admission: wanted.admission }),
  }
}
