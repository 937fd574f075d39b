/** From a host link to a room: one screen with good defaults, the details folded. */

import { useEffect, useState } from "preact/hooks"
import type { RoomWish } from "../../model/contract.ts"
import { openProfile, useApp } from "../app/app.ts"
import { Choice, Field, Tick } from "../parts/fields.tsx"
import { Frame } from "../parts/frame.tsx"
import { Icon } from "../parts/icon.tsx"
import { words } from "../words/language.ts"
import {
  type Fault,
  faultsOf,
  letterAt,
  MAX_PARTIES,
  type Making as Made,
  RETENTIONS_S,
  wishOf,
} from "./making_wish.ts"
import { type Stay, StayChoice } from "./stay.tsx"

/** A host link was opened: whether this device keeps it, and on to the room. */
export function Hosting({ link }: { readonly link: string }) {
  const app = useApp()
  const { making } = words.value
  const [stay, setStay] = useState<Stay>("keep")
  const goOn = (): Promise<boolean> =>
    app.attempt(async () => {
      await openProfile(app, stay === "keep")
      const { url } = await app.engine.rememberHost(link)
      app.navigation.restart({ at: "rooms" })
      app.navigation.go({ at: "making", url })
    })
  return (
    <Frame title={making.hostTitle}>
      <p class="lead">{making.hostLead}</p>
      <StayChoice value={stay} onChoose={setStay} />
      <button type="button" class="button first wide" onClick={goOn}>
        {making.hostGo}
      </button>
    </Frame>
  )
}

const blank = (): Made => ({
  title: "",
  name: "",
  welcome: words.peek().making.defaultWelcome,
  rules: words.peek().making.defaultRules.join("\n"),
  parties: ["", ""],
  mine: "",
  retentionS: 0,
  afterReading: false,
  history: "none",
  admission: "any",
  suite: 83,
})

export function Making({ url }: { readonly url: string }) {
  const app = useApp()
  const said = words.value.making
  const [made, setMade] = useState(blank)
  const [isTried, setTried] = useState(false)
  const [isWorking, setWorking] = useState(false)
  const [isTouched, setTouched] = useState(false)
  const faults = isTried ? faultsOf(made) : []
  const change = (part: Partial<Made>): void => {
    if (part.rules !== undefined) setTouched(true)
    setMade((before) => ({ ...before, ...part }))
  }
  useEffect(() => {
    // another language was chosen: its rules, unless somebody wrote own ones
    if (!isTouched) setMade((before) => ({ ...before, rules: said.defaultRules.join("\n") }))
  }, [said])
  const create = async (): Promise<void> => {
    setTried(true)
    if (faultsOf(made).length > 0) return
    setWorking(true)
    await app.attempt(async () => {
      app.navigation.turn({ at: "room", id: await app.engine.createRoom(wishOf(made, url)) })
    })
    if (app.problem.value?.code === "room-waits") {
      // asked for once is enough, and nothing to be alarmed about
      app.problem.value = undefined
      app.notice.value = words.peek().reasons["room-waits"]
      app.navigation.restart({ at: "rooms" })
    }
    setWorking(false)
  }
  const forget = async (): Promise<void> => {
    if (await app.attempt(() => app.engine.forgetHost(url))) app.navigation.restart({ at: "rooms" })
  }
  return (
    <Frame title={said.title} hasBack>
      <p class="lead">{said.lead}</p>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          create()
        }}
      >
        <Essentials made={made} faults={faults} change={change} />
        <Parties made={made} isFault={faults.includes("parties")} change={change} />
        <Details made={made} faults={faults} change={change} abilities={app.abilities.value?.suites ?? []} />
        {faults.length > 0 && (
          <p class="fault" role="alert">
            {words.value.reasons["room-unfit"]}
          </p>
        )}
        <button type="submit" class="button first wide" disabled={isWorking}>
          {isWorking ? words.value.common.working : said.create}
        </button>
      </form>
      <button type="button" class="button quiet-button" onClick={forget}>
        {said.forgetHost}
      </button>
    </Frame>
  )
}

interface PartProps {
  readonly made: Made
  readonly faults: readonly Fault[]
  readonly change: (part: Partial<Made>) => void
}

function Essentials({ made, faults, change }: PartProps) {
  const { making, invited } = words.value
  return (
    <>
      <Field
        label={making.roomTitle}
        help={making.roomTitleHelp}
        value={made.title}
        fault={faults.includes("title") ? invited.nameUnfit : undefined}
        onInput={(title) => change({ title })}
        isRequired
      />
      <Field
        label={making.name}
        value={made.name}
        fault={faults.includes("name") ? invited.nameUnfit : undefined}
        onInput={(name) => change({ name })}
        isRequired
        autocomplete="nickname"
      />
      <Field
        label={making.rules}
        help={making.rulesHelp}
        value={made.rules}
        rows={7}
        fault={faults.includes("rules") ? making.rulesUnfit : undefined}
        onInput={(rules) => change({ rules })}
      />
    </>
  )
}

interface PartiesProps {
  readonly made: Made
  readonly isFault: boolean
  readonly change: (part: Partial<Made>) => void
}

function Parties({ made, isFault, change }: PartiesProps) {
  const { making } = words.value
  const { parties } = made
  const set = (changed: readonly string[]): void => {
    const isMineGone = made.mine !== "" && (made.mine.codePointAt(0) ?? 0) - 97 >= changed.length
    change(isMineGone ? { parties: changed, mine: "" } : { parties: changed })
  }
  return (
    <fieldset class="parties" aria-labelledby="parties">
      <h2 id="parties">{making.parties}</h2>
      <p class="help">{making.partiesHelp}</p>
      {parties.map((name, at) => (
        <div class="party-row" key={at}>
          <span class={`badge tone-${at % 6}`} aria-hidden="true">
            {letterAt(at)}
          </span>
          <input
            type="text"
            dir="auto"
            aria-label={making.partyName(letterAt(at))}
            aria-invalid={isFault && name.trim() === ""}
            value={name}
            onInput={({ currentTarget }) => set(parties.with(at, currentTarget.value))}
          />
          <button
            type="button"
            class="plain"
            aria-label={making.removeParty(letterAt(at))}
            onClick={() => set(parties.toSpliced(at, 1))}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
      {isFault && <p class="fault">{making.partyUnfit}</p>}
      {parties.length < MAX_PARTIES && (
        <button type="button" class="button small" onClick={() => set([...parties, ""])}>
          <Icon name="plus" />
          {making.addParty}
        </button>
      )}
      {parties.length > 0 && (
        <Choice
          label={making.mine}
          value={made.mine}
          options={[
            ["", making.neutral],
            ...parties.map((name, at) => [letterAt(at).toLowerCase(), `${letterAt(at)} ${name}`] as const),
          ]}
          onChoose={(mine) => change({ mine })}
        />
      )}
    </fieldset>
  )
}

function Details({ made, faults, change, abilities }: PartProps & { readonly abilities: readonly number[] }) {
  const { making } = words.value
  return (
    <details class="details">
      <summary>{making.details}</summary>
      <Field
        label={making.welcome}
        help={making.welcomeHelp}
        value={made.welcome}
        rows={3}
        fault={faults.includes("welcome") ? making.welcomeUnfit : undefined}
        onInput={(welcome) => change({ welcome })}
      />
      <RetentionFields
        seconds={made.retentionS}
        afterReading={made.afterReading}
        onChange={(retentionS, afterReading) => change({ retentionS, afterReading })}
      />
      <HistoryField value={made.history} onChange={(history) => change({ history })} />
      {made.parties.length > 0 && (
        <AdmissionField value={made.admission} isWish onChange={(admission) => change({ admission })} />
      )}
      {abilities.length > 1 && (
        <Choice
          label={making.suite}
          value={made.suite === 83 ? "strong" : "classic"}
          options={[
            ["strong", making.suiteStrong],
            ["classic", making.suiteClassic],
          ]}
          onChoose={(suite) => change({ suite: suite === "strong" ? 83 : 1 })}
        />
      )}
    </details>
  )
}

interface RetentionProps {
  readonly seconds: number
  readonly afterReading: boolean
  readonly onChange: (seconds: number, afterReading: boolean) => void
}

interface ChosenProps<V> {
  readonly value: V
  readonly onChange: (value: V) => void
}

// ---- also in a room's settings

export function HistoryField({ value, onChange }: ChosenProps<RoomWish["history"]>) {
  const { making } = words.value
  return (
    <Choice
      label={making.history}
      value={value}
      options={[
        ["none", making.historyNone],
        ["briefing", making.historyBriefing],
      ]}
      onChoose={onChange}
    />
  )
}

interface AdmissionProps extends ChosenProps<RoomWish["admission"]> {
  /** Whether the rule of parties is still to come. */
  readonly isWish: boolean
}

export function AdmissionField({ value, isWish, onChange }: AdmissionProps) {
  const { making } = words.value
  return (
    <Choice
      label={making.admission}
      value={value}
      options={[
        ["any", making.admissionAny],
        ["party", making.admissionParty],
      ]}
      onChoose={onChange}
      {...(isWish && { help: making.admissionPartyLater })}
    />
  )
}

export function RetentionFields({ seconds, afterReading, onChange }: RetentionProps) {
  const { making, exposure, say } = words.value
  const offered = (RETENTIONS_S as readonly number[]).includes(seconds)
    ? RETENTIONS_S
    : [...RETENTIONS_S, seconds]
  return (
    <>
      <Choice
        label={making.retention}
        value={String(seconds)}
        options={offered.map((one) => [
          String(one),
          one === 0 ? making.forever : exposure.keptFor(say.duration(one)),
        ])}
        onChoose={(chosen) => onChange(Number(chosen), afterReading)}
      />
      <Tick label={making.afterReading} isOn={afterReading} onTurn={(isOn) => onChange(seconds, isOn)} />
    </>
  )
}
