/** One invitation to give away: its link, the QR code, and a card on paper. */

import type { InvitationLine, RoomNow } from "../../model/contract.ts"
import { useApp } from "../app/app.ts"
import { copy } from "../parts/copy.ts"
import { Icon } from "../parts/icon.tsx"
import { QrCode } from "../parts/qr_code.tsx"
import { words } from "../words/language.ts"
import { described } from "./people.tsx"

interface CardProps {
  readonly now: RoomNow
  readonly line: InvitationLine
}

export function InvitationCard({ now, line }: CardProps) {
  const app = useApp()
  const { invitations, say } = words.value
  const { link } = line
  if (link === undefined) return <p class="quiet">{invitations.elsewhere}</p>
  const canShare = "share" in navigator
  return (
    <>
      <section class="card paper-card">
        <h3>{invitations.cardTitle}</h3>
        <QrCode text={link} label={invitations.qr} />
        <p class="facts-line">{invitations.forOne(described(now, line.role, line.party))}</p>
        <p class="facts-line">{invitations.validUntil(say.moment(line.expires))}</p>
        <p class="link" dir="ltr" translate={false}>
          {link}
        </p>
        <p class="print-only">{invitations.cardHow}</p>
        <p class="print-only">{invitations.cardOnce}</p>
      </section>
      <p class="warning">{invitations.lead}</p>
      <div class="row">
        <button type="button" class="button first" onClick={() => copy(app, link)}>
          <Icon name="card" />
          {invitations.copy}
        </button>
        {canShare && (
          <button type="button" class="button" onClick={() => share(link)}>
            <Icon name="send" />
            {invitations.share}
          </button>
        )}
        <button type="button" class="button" onClick={() => print()}>
          {invitations.print}
        </button>
      </div>
    </>
  )
}

/** The system's own sheet; who closes it has not failed. */
async function share(link: string): Promise<void> {
  await navigator.share({ url: link }).catch(() => undefined)
}
