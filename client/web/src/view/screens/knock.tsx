/** At the door: the three words, and what it waits for. */

import { useState } from "preact/hooks"
import type { KnockLine } from "../../model/contract.ts"
import { type App, useApp } from "../app/app.ts"
import { sentenceOf } from "../app/reason.ts"
import { Frame } from "../parts/frame.tsx"
import { Icon } from "../parts/icon.tsx"
import { Question } from "../parts/sheet.tsx"
import { ThreeWords } from "../parts/three_words.tsx"
import { words } from "../words/language.ts"

export function KnockScreen({ id }: { readonly id: string }) {
  const app = useApp()
  const knock = app.lobby.value?.knocks.find((one) => one.id === id)
  if (knock === undefined) return <Withdrawn />
  if (knock.stage === "failed") return <NotLetIn knock={knock} />
  return <AtTheDoor knock={knock} />
}

function AtTheDoor({ knock }: { readonly knock: KnockLine }) {
  const app = useApp()
  const said = words.value.knock
  const [isLeaving, setLeaving] = useState(false)
  return (
    <Frame title={knock.words === undefined ? said.asking : said.waiting} hasBack>
      {knock.words === undefined ? (
        <p class="lead">{said.askingWhy}</p>
      ) : (
        <section class="words">
          <h2>{said.words}</h2>
          <ThreeWords numbers={knock.words} />
          <p>{said.readAloud}</p>
          <p class="warning">{said.same}</p>
        </section>
      )}
      <p class="waiting-for" role="status">
        <Icon name="clock" />
        <span>{waitingFor(knock)}</span>
      </p>
      <p class="quiet">
        {said.as(knock.name)} {app.lobby.value?.isLasting === true ? said.goesOnKept : said.goesOn}
      </p>
      <button type="button" class="button quiet-button" onClick={() => setLeaving(true)}>
        {said.giveUp}
      </button>
      {isLeaving && (
        <Question
          title={said.forget}
          why={words.value.settings.leaveWhy}
          act={said.giveUp}
          isGrave
          onClose={() => setLeaving(false)}
          onYes={() => forget(app, knock.id)}
        />
      )}
    </Frame>
  )
}

/** What it waits for, as far as it is known. */
function waitingFor(knock: KnockLine): string {
  const said = words.value
  if (knock.stage === "admitted") return said.knock.admitted
  if (knock.reason !== undefined) return sentenceOf(knock.reason, said)
  return knock.words === undefined ? said.reasons["waiting-for-device"] : said.knock.waitingForFacilitator
}

function NotLetIn({ knock }: { readonly knock: KnockLine }) {
  const app = useApp()
  const said = words.value
  return (
    <Frame title={said.knock.failed} hasBack>
      <p class="lead" role="alert">
        {knock.reason === undefined ? said.reasonUnknown : sentenceOf(knock.reason, said)}
      </p>
      <button type="button" class="button first" onClick={() => forget(app, knock.id)}>
        {said.knock.forget}
      </button>
    </Frame>
  )
}

function Withdrawn() {
  const app = useApp()
  const { reasons, rooms } = words.value
  return (
    <Frame title={rooms.title}>
      <p class="lead">{reasons["no-knock"]}</p>
      <button type="button" class="button" onClick={() => app.navigation.restart({ at: "rooms" })}>
        {rooms.title}
      </button>
    </Frame>
  )
}

async function forget(app: App, id: string): Promise<void> {
  if (await app.attempt(() => app.engine.forgetKnock(id))) app.navigation.restart({ at: "rooms" })
}
