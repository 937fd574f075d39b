/** Before anything else of a room is shown: its welcome, its rules, what becomes of what is said. */

import type { RoomNow } from "../../model/contract.ts"
import { useApp } from "../app/app.ts"
import { words } from "../words/language.ts"
import { keptOf } from "./exposing.ts"
import { memberOf } from "./people.tsx"
import type { SetState } from "./setting.ts"

interface RulesProps {
  readonly now: RoomNow
  readonly onLeave: () => void
}

/** Two rules may be alike: each is known by its place. */
export const RuleList = ({ state }: { readonly state: SetState }) => (
  <ol class="rule-list">
    {state.rules.lines.map((line, at) => (
      <li key={at} dir="auto">
        {line}
      </li>
    ))}
  </ol>
)

export function RulesGate({ now, onLeave }: RulesProps) {
  const app = useApp()
  const { state } = now
  const said = words.value
  if (state === undefined) return null
  const isChanged = state.rules.version > 1 && memberOf(now, now.seat)?.hasAccepted === false
  return (
    <main id="content" tabIndex={-1} class="gate">
      {state.welcome !== "" && (
        <section>
          <h2>{said.rules.welcome}</h2>
          <p class="text" dir="auto">
            {state.welcome}
          </p>
        </section>
      )}
      <section>
        <h2>{isChanged ? said.rules.changed : said.rules.title}</h2>
        {state.rules.lines.length === 0 ? <p>{said.rules.none}</p> : <RuleList state={state} />}
      </section>
      <p class="quiet">
        {said.rules.people(now.members.length)} {said.rules.kept(keptOf(state.retention, said))}
      </p>
      <div class="gate-do">
        <button
          type="button"
          class="button first wide"
          onClick={() => app.attempt(() => app.engine.acceptRules(now.id))}
        >
          {said.rules.accept}
        </button>
        <button type="button" class="button quiet-button" onClick={onLeave}>
          {said.rules.decline}
        </button>
      </div>
    </main>
  )
}
