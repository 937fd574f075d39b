/** How a room is set, for all to see and for facilitators to change; and the ways out of it. */

import { useState } from "preact/hooks"
import type { RoomNow, Settings } from "../../model/contract.ts"
import { type App, useApp } from "../app/app.ts"
import { prefer, preference } from "../app/preferences.ts"
import { Field, Tick } from "../parts/fields.tsx"
import { Question, Sheet } from "../parts/sheet.tsx"
import { AdmissionField, HistoryField, RetentionFields } from "../screens/making.tsx"
import { areRules, isWelcome, linesOf } from "../screens/making_wish.ts"
import { words } from "../words/language.ts"
import { keptOf } from "./exposing.ts"
import { isFacilitator } from "./people.tsx"
import { RuleList } from "./rules.tsx"
import { changesOf, type SetState, type Wanted, wantedOf } from "./setting.ts"

interface SettingsProps {
  readonly now: RoomNow
  readonly onClose: () => void
}

type Asking = "nothing" | "end" | "forget"

export function SettingsSheet({ now, onClose }: SettingsProps) {
  const app = useApp()
  const [asking, setAsking] = useState<Asking>("nothing")
  const { settings } = words.value
  if (asking === "end")
    return (
      <Question
        title={settings.endTitle}
        why={settings.endWhy}
        act={settings.endDo}
        isGrave
        onClose={onClose}
        onYes={() => {
          onClose()
          app.attempt(() => app.engine.end(now.id))
        }}
      />
    )
  if (asking === "forget")
    return (
      <Question
        title={settings.forgetTitle}
        why={settings.forgetWhy}
        act={settings.forgetDo}
        isGrave
        onClose={onClose}
        onYes={() => forget(app, now.id)}
      />
    )
  return (
    <Sheet title={settings.title} onClose={onClose}>
      {now.state !== undefined &&
        (isFacilitator(now) ? (
          <Change now={now} state={settingsOf(now, now.state)} onClose={onClose} />
        ) : (
          <Read state={now.state} />
        ))}
      <Signals />
      <div class="row">
        {isFacilitator(now) && (
          <button type="button" class="button grave" onClick={() => setAsking("end")}>
            {settings.end}
          </button>
        )}
        <button type="button" class="button grave" onClick={() => setAsking("forget")}>
          {settings.forget}
        </button>
      </div>
    </Sheet>
  )
}

async function forget(app: App, room: string): Promise<void> {
  if (await app.attempt(() => app.engine.forget(room))) app.navigation.restart({ at: "rooms" })
}

function Read({ state }: { readonly state: SetState }) {
  const { settings, making } = words.value
  const rows = [
    [settings.retention, keptOf(state.retention, words.value)],
    [making.history, state.history === "none" ? making.historyNone : making.historyBriefing],
    [making.admission, state.admission.rule === "any" ? making.admissionAny : making.admissionParty],
    [settings.suite, state.suite === 83 ? making.suiteStrong : making.suiteClassic],
  ] as const
  return (
    <>
      <p class="quiet">{settings.readOnly}</p>
      <dl class="facts">
        {rows.map(([what, how]) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>{how}</dd>
          </div>
        ))}
        <div>
          <dt>{settings.rules}</dt>
          <dd>
            <RuleList state={state} />
          </dd>
        </div>
      </dl>
    </>
  )
}

/** As they are, and as this device will set them. */
const settingsOf = ({ isPartyRuleWished }: RoomNow, state: SetState): SetState =>
  isPartyRuleWished ? { ...state, admission: { ...state.admission, rule: "party" } } : state

interface ChangeProps extends SettingsProps {
  readonly state: SetState
}

function Change({ now, state, onClose }: ChangeProps) {
  const app = useApp()
  const [wanted, setWanted] = useState(() => wantedOf(state))
  const { settings, making, common, invited } = words.value
  const change = (part: Partial<Wanted>): void => setWanted((before) => ({ ...before, ...part }))
  const changes = changesOf(state, wanted)
  const isFit = areRules(wanted.rules) && isWelcome(wanted.welcome) && wanted.title.trim() !== ""
  const save = async (): Promise<void> => {
    if (await app.attempt(() => app.engine.set(now.id, changes as Settings))) {
      app.notice.value = settings.saved
      onClose()
    }
  }
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        save()
      }}
    >
      <p class="quiet">{settings.lead}</p>
      <Field
        label={settings.roomTitle}
        value={wanted.title}
        fault={wanted.title.trim() === "" ? invited.nameUnfit : undefined}
        onInput={(title) => change({ title })}
      />
      <Field
        label={settings.welcome}
        value={wanted.welcome}
        rows={3}
        fault={isWelcome(wanted.welcome) ? undefined : making.welcomeUnfit}
        onInput={(welcome) => change({ welcome })}
      />
      <Field
        label={settings.rules}
        help={settings.rulesChange}
        value={wanted.rules}
        rows={Math.max(4, linesOf(wanted.rules).length + 1)}
        fault={areRules(wanted.rules) ? undefined : making.rulesUnfit}
        onInput={(rules) => change({ rules })}
      />
      <RetentionFields
        seconds={wanted.retentionS}
        afterReading={wanted.afterReading}
        onChange={(retentionS, afterReading) => change({ retentionS, afterReading })}
      />
      <HistoryField value={wanted.history} onChange={(history) => change({ history })} />
      <AdmissionField
        value={wanted.admission}
        isWish={now.state?.admission.rule === "any"}
        onChange={(admission) => change({ admission })}
      />
      <button type="submit" class="button first" disabled={!isFit || Object.keys(changes).length === 0}>
        {common.save}
      </button>
    </form>
  )
}

/** What this device does when there is something new. */
function Signals() {
  const { lobby, notice } = useApp()
  const { settings } = words.value
  const isLasting = lobby.value?.isLasting === true
  const [sound, setSound] = useState(preference("sound") === "on")
  const [notify, setNotify] = useState(preference("notify") === "on")
  const turnNotify = async (isOn: boolean): Promise<void> => {
    const isAllowed =
      !isOn || ("Notification" in globalThis && (await Notification.requestPermission()) === "granted")
    if (!isAllowed) notice.value = settings.notifyDenied
    setNotify(isOn && isAllowed)
    prefer("notify", isOn && isAllowed ? "on" : "off", isLasting)
  }
  return (
    <section class="stack">
      <h3>{settings.signals}</h3>
      <Tick
        label={settings.sound}
        isOn={sound}
        onTurn={(isOn) => {
          setSound(isOn)
          prefer("sound", isOn ? "on" : "off", isLasting)
        }}
      />
      <Tick label={settings.notify} isOn={notify} onTurn={turnNotify} />
    </section>
  )
}
