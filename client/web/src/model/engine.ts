/** The worker's side: everything that computes, decrypts or stores runs here, away from the page. */

import { type Abilities, findAbilities } from "./abilities.ts"
import { answerCalls } from "./channel.ts"

const ENGINE = {
  findAbilities: (): Promise<Abilities> => findAbilities(Math.floor(Date.now() / 1000)),
}

export type Engine = typeof ENGINE

answerCalls(globalThis, ENGINE)
