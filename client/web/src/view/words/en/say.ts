/** English, as the person's region writes it. */

import { regional, sayIn } from "../say.ts"

export const say = sayIn(regional("en", globalThis.navigator?.languages ?? []), "ltr")
