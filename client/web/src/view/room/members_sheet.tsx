/** Who is here, and who let them in. */

import { useState } from "preact/hooks"
import type { MemberLine, RoomNow } from "../../model/contract.ts"
import type { Role } from "../../protocol/room/state.ts"
import { useApp } from "../app/app.ts"
import { Choice } from "../parts/fields.tsx"
import { Icon } from "../parts/icon.tsx"
import { Question, Sheet } from "../parts/sheet.tsx"
import { words } from "../words/language.ts"
import type { History } from "./history.ts"
import { Badge, described, isFacilitator, nameOf, partyOf } from "./people.tsx"

interface MembersProps {
  readonly now: RoomNow
  readonly history: History
  readonly onClose: () => void
}

type Step = { readonly at: "list" } | { readonly at: "one" | "remove"; readonly member: MemberLine }

export function MembersSheet({ now, history, onClose }: MembersProps) {
  const [step, setStep] = useState<Step>({ at: "list" })
  const app = useApp()
  const { members } = words.value
  if (step.at === "remove")
    return (
      <Question
        title={members.removeTitle(step.member.name)}
        why={members.removeWhy}
        act={members.remove}
        isGrave
        onClose={onClose}
        onYes={() => {
          onClose()
          app.attempt(() => app.engine.remove(now.id, step.member.seat))
        }}
      >
        {now.state?.admission.rule === "party" && <p class="warning">{members.removeParty}</p>}
      </Question>
    )
  if (step.at === "one")
    return (
      <RoleSheet
        now={now}
        member={step.member}
        onRemove={() => setStep({ at: "remove", member: step.member })}
        onClose={onClose}
      />
    )
  return (
    <Sheet title={`${members.title} (${words.value.say.number(now.members.length)})`} onClose={onClose}>
      <p class="quiet">{members.computed}</p>
      <ul class="people">
        {now.members.map((one) => (
          <li key={one.seat}>
            <Badge party={partyOf(now, one.party)} name={one.name} />
            <span class="person">
              <span>
                <bdi>{one.name}</bdi>
                {one.seat === now.seat && <span class="help"> ({members.you})</span>}
              </span>
              <span class="help">{described(now, one.role, one.party)}</span>
              <span class="help">{admittedBy(one, now, history)}</span>
              {one.scope !== undefined && <span class="help">{scopeOf(one.scope)}</span>}
              {!one.hasAccepted && <span class="help alarm">{members.notAccepted}</span>}
            </span>
            {isFacilitator(now) && one.seat !== now.seat && (
              <button
                type="button"
                class="plain"
                aria-label={members.actions(one.name)}
                onClick={() => setStep({ at: "one", member: one })}
              >
                <Icon name="more" />
              </button>
            )}
          </li>
        ))}
      </ul>
    </Sheet>
  )
}

function admittedBy(member: MemberLine, now: RoomNow, history: History): string {
  const { members } = words.value
  const others = member.by.filter((seat) => seat !== member.seat)
  return others.length === 0
    ? members.madeRoom
    : members.approvedBy(others.map((seat) => nameOf(now, history, seat)))
}

/** What a program says of itself, and what it is handed. */
function scopeOf(scope: NonNullable<MemberLine["scope"]>): string {
  const { members, say } = words.value
  const given = { all: members.botReadsAll, addressed: members.botReadsAddressed, none: members.botReadsNone }
  return say.list([
    members.bot(scope.purpose),
    given[scope.reads],
    ...(scope.writes ? [] : [members.botSilent]),
  ])
}

interface RoleProps {
  readonly now: RoomNow
  readonly member: MemberLine
  readonly onRemove: () => void
  readonly onClose: () => void
}

/** Nobody becomes a bot, nor a bot anybody: it would have no scope, or one too many. */
const CHANGEABLE: readonly Role[] = ["facilitator", "participant", "interpreter", "observer"]

function RoleSheet({ now, member, onRemove, onClose }: RoleProps) {
  const app = useApp()
  const { members, roles, rolesExplained, common } = words.value
  const [role, setRole] = useState<Role>(member.role)
  const [party, setParty] = useState(member.party ?? "")
  const isSame = role === member.role && party === (member.party ?? "")
  return (
    <Sheet title={members.roleTitle(member.name)} onClose={onClose}>
      {member.role !== "bot" && (
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault()
            onClose()
            app.attempt(() => app.engine.setRole(now.id, member.seat, role, party === "" ? undefined : party))
          }}
        >
          <Choice
            label={members.roleLabel}
            value={role}
            options={CHANGEABLE.map((one) => [one, roles[one]] as const)}
            onChoose={setRole}
            help={rolesExplained[role]}
          />
          <PartyChoice now={now} label={members.partyLabel} value={party} onChoose={setParty} />
          <button type="submit" class="button first" disabled={isSame}>
            {members.setRole}
          </button>
        </form>
      )}
      <div class="row">
        <button type="button" class="button grave" onClick={onRemove}>
          {members.remove}
        </button>
        <button type="button" class="button" onClick={onClose}>
          {common.cancel}
        </button>
      </div>
    </Sheet>
  )
}

interface PartyChoiceProps {
  readonly now: RoomNow
  readonly label: string
  readonly value: string
  readonly onChoose: (party: string) => void
}

/** "" is nobody's party. */
export function PartyChoice({ now, label, value, onChoose }: PartyChoiceProps) {
  const { common } = words.value
  const parties = (now.state?.parties ?? [])
    .map((one) => partyOf(now, one.id))
    .filter((one) => one !== undefined)
  if (parties.length === 0) return null
  return (
    <Choice
      label={label}
      value={value}
      options={[
        ["", common.noParty],
        ...parties.map((one) => [one.id, `${one.letter} · ${one.name}`] as const),
      ]}
      onChoose={onChoose}
    />
  )
}
