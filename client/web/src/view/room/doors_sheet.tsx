/** Who is at the door with the three words, and what else waits for a facilitator's approval. */

import { useState } from "preact/hooks"
import type { Knocking, ProposalLine, RoomNow } from "../../model/contract.ts"
import { useApp } from "../app/app.ts"
import { Question, Sheet } from "../parts/sheet.tsx"
import { ThreeWords } from "../parts/three_words.tsx"
import { words } from "../words/language.ts"
import type { History } from "./history.ts"
import { described, nameOf } from "./people.tsx"

interface DoorsProps {
  readonly now: RoomNow
  readonly history: History
  readonly onClose: () => void
}

export function DoorsSheet({ now, history, onClose }: DoorsProps) {
  const app = useApp()
  const [declining, setDeclining] = useState<Knocking>()
  const { doors } = words.value
  // who comes in is shown with the words
  const proposals = now.proposals.filter((one) => one.act !== "add")
  if (declining !== undefined)
    return (
      <Question
        title={doors.declineTitle(declining.name)}
        why={doors.declineWhy}
        act={doors.decline}
        isGrave
        onClose={() => setDeclining(undefined)}
        onYes={() => {
          setDeclining(undefined)
          app.attempt(() => app.engine.decline(now.id, declining.mailbox))
        }}
      />
    )
  return (
    <Sheet title={doors.title} onClose={onClose}>
      {now.knocking.length === 0 && proposals.length === 0 && <p class="quiet">{doors.nobody}</p>}
      {now.knocking.map((one) => (
        <AtDoor key={one.mailbox} knocking={one} now={now} onDecline={() => setDeclining(one)} />
      ))}
      {proposals.length > 0 && (
        <section class="stack">
          <h3>{doors.proposals}</h3>
          {proposals.map((one) => (
            <Proposal key={`${one.act} ${one.seat}`} proposal={one} now={now} history={history} />
          ))}
        </section>
      )}
    </Sheet>
  )
}

interface AtDoorProps {
  readonly knocking: Knocking
  readonly now: RoomNow
  readonly onDecline: () => void
}

function AtDoor({ knocking, now, onDecline }: AtDoorProps) {
  const app = useApp()
  const { doors } = words.value
  const { mailbox, seat, isApproved, missing } = knocking
  return (
    <section class="card stack" aria-label={doors.knocks(knocking.name)}>
      <h3>
        <bdi>{knocking.name}</bdi>
      </h3>
      <p class="quiet">{described(now, knocking.role, knocking.party)}</p>
      <ThreeWords numbers={knocking.words} />
      {isApproved ? (
        <p role="status">
          {doors.approved} {missing.length > 0 && doors.waitingFor(missing)}
        </p>
      ) : (
        <p>{doors.compare}</p>
      )}
      <div class="row">
        {isApproved ? (
          <button
            type="button"
            class="button"
            onClick={() => app.attempt(() => app.engine.unapprove(now.id, "add", seat))}
          >
            {doors.takeBack}
          </button>
        ) : (
          <button
            type="button"
            class="button first"
            onClick={() => app.attempt(() => app.engine.approveKnock(now.id, mailbox))}
          >
            {doors.approve}
          </button>
        )}
        <button type="button" class="button grave" onClick={onDecline}>
          {doors.decline}
        </button>
      </div>
    </section>
  )
}

interface ProposalProps {
  readonly proposal: ProposalLine
  readonly now: RoomNow
  readonly history: History
}

function Proposal({ proposal, now, history }: ProposalProps) {
  const app = useApp()
  const { doors } = words.value
  const { act, seat, by, isApproved, missing } = proposal
  return (
    <section class="card stack">
      <p>
        <strong>{whatOf(proposal, now, history)}</strong>
      </p>
      <p class="quiet">
        {doors.by(by.map((one) => nameOf(now, history, one)))}
        {missing.length > 0 && `. ${doors.waitingFor(missing)}`}
      </p>
      <div class="row">
        {isApproved ? (
          <button
            type="button"
            class="button"
            onClick={() => app.attempt(() => app.engine.unapprove(now.id, act, seat))}
          >
            {doors.takeBack}
          </button>
        ) : (
          <button
            type="button"
            class="button first"
            onClick={() => app.attempt(() => app.engine.approve(now.id, act, seat))}
          >
            {doors.approvePlain}
          </button>
        )}
      </div>
    </section>
  )
}

function whatOf({ act, seat, role, party }: ProposalLine, now: RoomNow, history: History): string {
  const { doors } = words.value
  const who = nameOf(now, history, seat ?? "")
  if (act === "remove") return doors.proposeRemove(who)
  if (act === "add") return doors.proposeAdd(who)
  if (act === "role" && role !== undefined) return doors.proposeRole(who, described(now, role, party))
  return doors.proposeRule
}
