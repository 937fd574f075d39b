/** Invitations: making one, giving it away, what became of each. */

import { useState } from "preact/hooks"
import type { InvitationLine, RoomNow } from "../../model/contract.ts"
import type { Role, Scope } from "../../protocol/room/state.ts"
import { useApp } from "../app/app.ts"
import { Choice, Field, Tick } from "../parts/fields.tsx"
import { Icon } from "../parts/icon.tsx"
import { Question, Sheet } from "../parts/sheet.tsx"
import { words } from "../words/language.ts"
import type { History } from "./history.ts"
import { InvitationCard } from "./invitation_card.tsx"
import { PartyChoice } from "./members_sheet.tsx"
import { Badge, described, nameOf, partyOf } from "./people.tsx"

const DAY_S = 24 * 3600
const LIVES_S: readonly number[] = [DAY_S, 3 * DAY_S, 7 * DAY_S, 30 * DAY_S]
const LIFE_S = 7 * DAY_S
const ROLES: readonly Role[] = ["participant", "facilitator", "interpreter", "observer", "bot"]

interface InvitationsProps {
  readonly now: RoomNow
  readonly history: History
  readonly onClose: () => void
}

type Step =
  | { readonly at: "list" }
  | { readonly at: "make" }
  | { readonly at: "show" | "revoke"; readonly mailbox: string; readonly line: InvitationLine }

export function InvitationsSheet({ now, history, onClose }: InvitationsProps) {
  const app = useApp()
  const [step, setStep] = useState<Step>({ at: now.invitations.length === 0 ? "make" : "list" })
  const { invitations, common } = words.value
  if (step.at === "make")
    return (
      <Sheet title={invitations.make} onClose={onClose}>
        <Make now={now} onMade={(line) => setStep({ at: "show", mailbox: line.mailbox, line })} />
      </Sheet>
    )
  if (step.at === "show") {
    // its link works from when the room lists it
    const line = now.invitations.find((one) => one.mailbox === step.mailbox)
    return (
      <Sheet title={line === undefined ? invitations.make : invitations.ready} onClose={onClose}>
        {line === undefined ? (
          <p role="status">{common.working}</p>
        ) : (
          <InvitationCard now={now} line={{ ...line, link: line.link ?? step.line.link }} />
        )}
        <button type="button" class="button" onClick={() => setStep({ at: "make" })}>
          <Icon name="plus" />
          {invitations.another}
        </button>
      </Sheet>
    )
  }
  if (step.at === "revoke")
    return (
      <Question
        title={invitations.revokeTitle}
        why={invitations.revokeWhy}
        act={invitations.revoke}
        isGrave
        onClose={() => setStep({ at: "list" })}
        onYes={() => {
          setStep({ at: "list" })
          app.attempt(() => app.engine.revoke(now.id, step.mailbox))
        }}
      />
    )
  return (
    <Sheet title={invitations.title} onClose={onClose}>
      <button type="button" class="button first" onClick={() => setStep({ at: "make" })}>
        <Icon name="plus" />
        {invitations.make}
      </button>
      <Lines
        now={now}
        history={history}
        onShow={(line) => setStep({ at: "show", mailbox: line.mailbox, line })}
        onRevoke={(line) => setStep({ at: "revoke", mailbox: line.mailbox, line })}
      />
    </Sheet>
  )
}

interface MakeProps {
  readonly now: RoomNow
  readonly onMade: (line: InvitationLine) => void
}

function Make({ now, onMade }: MakeProps) {
  const app = useApp()
  const [role, setRole] = useState<Role>("participant")
  const [party, setParty] = useState("")
  const [lifeS, setLife] = useState(LIFE_S)
  const [scope, setScope] = useState<Scope>({ purpose: "", reads: "addressed", writes: true })
  const [isWorking, setWorking] = useState(false)
  const { invitations, roles, rolesExplained, say } = words.value
  const isBot = role === "bot"
  const make = async (): Promise<void> => {
    setWorking(true)
    await app.attempt(async () => {
      const purpose = scope.purpose.trim()
      onMade(
        await app.engine.invite(now.id, {
          role,
          party: party === "" ? undefined : party,
          scope: isBot ? { ...scope, purpose } : undefined,
          expiresInS: lifeS,
        }),
      )
    })
    setWorking(false)
  }
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        make()
      }}
    >
      <p class="quiet">{invitations.lead}</p>
      <Choice
        label={invitations.role}
        value={role}
        options={ROLES.map((one) => [one, roles[one]] as const)}
        onChoose={setRole}
        help={rolesExplained[role]}
      />
      <PartyChoice now={now} label={invitations.party} value={party} onChoose={setParty} />
      {isBot && (
        <BotScope scope={scope} onChange={(part) => setScope((before) => ({ ...before, ...part }))} />
      )}
      <Choice
        label={invitations.expires}
        value={String(lifeS)}
        options={LIVES_S.map((one) => [String(one), say.duration(one)] as const)}
        onChoose={(chosen) => setLife(Number(chosen))}
      />
      <button
        type="submit"
        class="button first"
        disabled={isWorking || (isBot && scope.purpose.trim() === "")}
      >
        {invitations.create}
      </button>
    </form>
  )
}

function BotScope({
  scope,
  onChange,
}: {
  readonly scope: Scope
  readonly onChange: (part: Partial<Scope>) => void
}) {
  const { invitations } = words.value
  return (
    <>
      <Field
        label={invitations.purpose}
        value={scope.purpose}
        onInput={(purpose) => onChange({ purpose })}
        isRequired
      />
      <Choice
        label={invitations.reads}
        value={scope.reads}
        options={[
          ["addressed", invitations.readsAddressed],
          ["all", invitations.readsAll],
          ["none", invitations.readsNone],
        ]}
        onChoose={(reads) => onChange({ reads })}
      />
      <Tick label={invitations.writes} isOn={scope.writes} onTurn={(writes) => onChange({ writes })} />
    </>
  )
}

interface LinesProps {
  readonly now: RoomNow
  readonly history: History
  readonly onShow: (line: InvitationLine) => void
  readonly onRevoke: (line: InvitationLine) => void
}

const isOpen = (line: InvitationLine): boolean => line.stage === "not-opened" || line.stage === "waiting"

function Lines({ now, history, onShow, onRevoke }: LinesProps) {
  const { invitations } = words.value
  if (now.invitations.length === 0) return <p class="quiet">{invitations.none}</p>
  const groups = [
    [invitations.open, now.invitations.filter(isOpen)],
    [invitations.past, now.invitations.filter((one) => !isOpen(one))],
  ] as const
  return (
    <>
      {groups
        .filter(([, lines]) => lines.length > 0)
        .map(([called, lines]) => (
          <section key={called} class="stack">
            <h3>{called}</h3>
            <ul class="people">
              {lines.map((one) => (
                <li key={one.mailbox}>
                  <Badge party={partyOf(now, one.party)} name={one.name ?? "·"} />
                  <Line
                    line={one}
                    now={now}
                    history={history}
                    onShow={() => onShow(one)}
                    onRevoke={() => onRevoke(one)}
                  />
                </li>
              ))}
            </ul>
          </section>
        ))}
    </>
  )
}

interface LineProps {
  readonly line: InvitationLine
  readonly now: RoomNow
  readonly history: History
  readonly onShow: () => void
  readonly onRevoke: () => void
}

function Line({ line, now, history, onShow, onRevoke }: LineProps) {
  const { invitations, say } = words.value
  return (
    <div class="person">
      <span>
        {line.name !== undefined && (
          <>
            <bdi>{line.name}</bdi>
            {" · "}
          </>
        )}
        <span class={isOpen(line) ? "stage open" : "stage"}>{invitations.stages[line.stage]}</span>
      </span>
      <span class="help">{described(now, line.role, line.party)}</span>
      <span class="help">{invitations.by(nameOf(now, history, line.by))}</span>
      {isOpen(line) && <span class="help">{invitations.validUntil(say.moment(line.expires))}</span>}
      {line.stage === "not-opened" && line.link === undefined && (
        <span class="help">{invitations.elsewhere}</span>
      )}
      {isOpen(line) && (
        <div class="row">
          {line.link !== undefined && (
            <button type="button" class="button small" onClick={onShow}>
              {invitations.show}
            </button>
          )}
          <button type="button" class="button small grave" onClick={onRevoke}>
            {invitations.revoke}
          </button>
        </div>
      )}
    </div>
  )
}
