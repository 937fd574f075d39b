/** All that opens over a room. */

import type { RoomNow } from "../../model/contract.ts"
import { type App, useApp } from "../app/app.ts"
import { Icon, type IconName } from "../parts/icon.tsx"
import { LanguageSwitch } from "../parts/language_switch.tsx"
import { Question, Sheet } from "../parts/sheet.tsx"
import { words } from "../words/language.ts"
import { DoorsSheet } from "./doors_sheet.tsx"
import type { History } from "./history.ts"
import { InvitationsSheet } from "./invitations_sheet.tsx"
import { MembersSheet } from "./members_sheet.tsx"
import { isFacilitator } from "./people.tsx"
import type { SheetName } from "./screen.tsx"
import { SearchSheet } from "./search_sheet.tsx"
import { SettingsSheet } from "./settings_sheet.tsx"

interface SheetsProps {
  readonly name: SheetName
  readonly now: RoomNow
  readonly history: History
  readonly version: number
  readonly onSheet: (name: SheetName) => void
  readonly onClose: () => void
  readonly onJump: (number: number) => void
}

export function Sheets(props: SheetsProps) {
  const { name, now, onClose } = props
  const app = useApp()
  const { settings } = words.value
  switch (name) {
    case "menu":
      return <MenuSheet {...props} />
    case "members":
      return <MembersSheet now={now} history={props.history} onClose={onClose} />
    case "doors":
      return <DoorsSheet now={now} history={props.history} onClose={onClose} />
    case "invitations":
      return isFacilitator(now) ? (
        <InvitationsSheet now={now} history={props.history} onClose={onClose} />
      ) : null
    case "settings":
      return <SettingsSheet now={now} onClose={onClose} />
    case "search":
      return (
        <SearchSheet
          history={props.history}
          version={props.version}
          onJump={props.onJump}
          onClose={onClose}
        />
      )
    case "keyboard":
      return <KeyboardSheet onClose={onClose} />
    case "leave":
      return (
        <Question
          title={settings.leaveTitle}
          why={settings.leaveWhy}
          act={settings.leaveDo}
          isGrave
          onClose={onClose}
          onYes={() => {
            onClose()
            leave(app, now.id)
          }}
        />
      )
  }
}

async function leave(app: App, room: string): Promise<void> {
  if (await app.attempt(() => app.engine.leave(room))) app.notice.value = words.peek().settings.left
}

function MenuSheet({ now, onSheet, onClose }: SheetsProps) {
  const { room, common } = words.value
  const items: readonly (readonly [SheetName, IconName, string])[] = [
    ["members", "people", `${room.members} (${words.value.say.number(now.members.length)})`],
    ...(isFacilitator(now) ? ([["invitations", "card", room.invitations]] as const) : []),
    ["search", "search", room.search],
    ["settings", "gear", room.settings],
    ["keyboard", "key", room.keyboard],
    ...(now.isOver ? [] : ([["leave", "leave", room.leave]] as const)),
  ]
  return (
    <Sheet title={room.menu} onClose={onClose}>
      <div class="menu">
        {items.map(([name, icon, called]) => (
          <button
            type="button"
            key={name}
            class={name === "leave" ? "menu-item grave" : "menu-item"}
            onClick={() => onSheet(name)}
          >
            <Icon name={icon} />
            {called}
          </button>
        ))}
      </div>
      <div class="menu-language">
        <span>{common.language}</span>
        <LanguageSwitch />
      </div>
    </Sheet>
  )
}

function KeyboardSheet({ onClose }: { readonly onClose: () => void }) {
  const { keyboard } = words.value
  return (
    <Sheet title={keyboard.title} onClose={onClose}>
      <dl class="keys">
        {keyboard.rows.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd dir="ltr">{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Sheet>
  )
}
