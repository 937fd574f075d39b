/** The page's side of the engine. */

import { callsThrough, hearNews } from "./channel.ts"
import type { Engine, News } from "./contract.ts"
import engineUrl from "./engine.ts?worker&url"
import { trusted } from "./trusted.ts"

const CALLS: Readonly<Record<keyof Engine, true>> = {
  findAbilities: true,
  hasProfile: true,
  open: true,
  reconnect: true,
  keep: true,
  wipe: true,
  kindOf: true,
  knock: true,
  forgetKnock: true,
  rememberHost: true,
  forgetHost: true,
  createRoom: true,
  openRoom: true,
  closeRoom: true,
  acceptRules: true,
  send: true,
  attach: true,
  uploadAgain: true,
  fetchAttachment: true,
  retract: true,
  seen: true,
  keepDraft: true,
  dismiss: true,
  invite: true,
  revoke: true,
  approveKnock: true,
  decline: true,
  approve: true,
  unapprove: true,
  remove: true,
  setRole: true,
  set: true,
  leave: true,
  end: true,
  forget: true,
}

/** Starts the worker that everything runs in; `hear` is told its news. */
export function startEngine(hear: (news: News) => void): Engine {
  const worker = new Worker(trusted(engineUrl), { type: "module" })
  hearNews<News>(worker, hear)
  return callsThrough<Engine>(worker, Object.keys(CALLS) as (keyof Engine)[])
}
