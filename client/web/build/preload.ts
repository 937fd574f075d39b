/** Vite: what every visit needs beside its first screen is asked for with the page, not when its turn comes. */

import type { Plugin } from "vite"

/** The worker, and the conversation: by the beginning of their files' names. */
const NEEDED = /^assets\/(?:engine|screen)-[^/]+\.js$/

/** Vite's own, which looks for what a part of the page needs beside itself: none needs anything that is not there. */
const HELPER = "\0vite/preload-helper.js"

/** A low-priority <link> for each of them; the build fails where one is missing. */
export function preloadWhatFollows(): Plugin {
  return {
    name: "preload-what-follows",
    apply: "build",
    enforce: "pre",
    load: (id) => (id === HELPER ? "export const __vitePreload = (load) => load()" : undefined),
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const page = bundle["index.html"]
        if (page?.type !== "asset") return
        const names = Object.keys(bundle).filter((name) => NEEDED.test(name))
        if (names.length !== 2) this.error(`two files are to follow the page, not ${names.join(", ")}`)
        const links = names.map((name) => {
          // the page must not parse the worker's module, and fetches its own before it imports it (fetch_first.ts)
          const as = name.startsWith("assets/engine") ? "script" : "fetch"
          return `<link rel="preload" as="${as}" fetchpriority="low" crossorigin href="/${name}">`
        })
        page.source = String(page.source).replace("</head>", `${links.join("\n")}\n</head>`)
      },
    },
  }
}
