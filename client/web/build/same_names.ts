/**
 * Vite: what one part of the worker takes from another has one name in both, where it has two that say nothing:
 * `import{Qt as e,Rn as t}` becomes `import{e,t}`.
 */

import type { Plugin } from "vite"

const IMPORT = /import\{([^}]*)\}from(["'`])\.\/([\w-]+\.js)\2/g
const EXPORT = /export\{([^}]*)\}/

const pairsOf = (list: string): readonly (readonly [string, string])[] =>
  list.split(",").map((one) => {
    const [from = "", to = from] = one.split(" as ")
    return [from, to]
  })

/** For the worker's bundle: a part that one other takes from gives what that takes. */
export function sameNames(): Plugin {
  return {
    name: "same-names",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const chunks = Object.values(bundle).filter((file) => file.type === "chunk")
        const takers = chunks.flatMap((taker) =>
          [...taker.code.matchAll(IMPORT)].map(([text, list = "", , name]) => ({ taker, text, list, name })),
        )
        for (const { taker, text, list, name } of takers) {
          const giver = chunks.find(({ fileName }) => fileName === `assets/${name}`)
          if (giver === undefined || takers.filter((one) => one.name === name).length > 1) continue
          const here = new Map(pairsOf(list))
          taker.code = taker.code.replace(text, () => text.replace(list, [...here.values()].join()))
          giver.code = giver.code.replace(EXPORT, (_all, given: string) => {
            const named = pairsOf(given).flatMap(([from, to]) => {
              const name = here.get(to)
              return name === undefined ? [] : [from === name ? name : `${from} as ${name}`]
            })
            return `export{${named.join()}}`
          })
        }
      },
    },
  }
}
