/** Arabic, as the person's region writes it. */

import { type Plural, regional, sayIn } from "../say.ts"

export const say = sayIn(regional("ar", globalThis.navigator?.languages ?? []), "rtl")

/** Arabic has six forms, and none may be missing. */
export const count = (of: number, forms: Readonly<Record<Plural, string>>): string => say.plural(of, forms)
