/** How the web client is built (`npm run build`, which installing the Python package runs) and tested (vitest). */

import { defineConfig } from "vitest/config"
import { browserOnly } from "./build/browser_only.ts"
import { compressWithinBudget } from "./build/budget.ts"
import { computeConstants } from "./build/computed_constants.ts"
import { fetchFirst } from "./build/fetch_first.ts"
import { addIntegrity } from "./build/integrity.ts"
import { leanCurves } from "./build/lean_curves.ts"
import { addOffline } from "./build/offline.ts"
import { preloadWhatFollows } from "./build/preload.ts"
import { repairTsMls } from "./build/repair_plugin.ts"
import { sameNames } from "./build/same_names.ts"
import { shareHashes } from "./build/share_hashes.ts"
import { terseErrors } from "./build/terse_errors.ts"

export default defineConfig({
  plugins: [
    repairTsMls(),
    terseErrors(),
    preloadWhatFollows(),
    fetchFirst(),
    addIntegrity(),
    addOffline(),
    compressWithinBudget(),
  ],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: {
    format: "es",
    // what the bundler marked for itself
    rolldownOptions: { output: { comments: { annotation: false, legal: true } } },
    plugins: () => [
      repairTsMls(),
      browserOnly(),
      shareHashes(),
      computeConstants(),
      leanCurves(),
      terseErrors(),
      sameNames(),
      fetchFirst(),
    ],
  },
  build: {
    target: "es2022",
    outDir: "../../server/backchannel_server/webroot",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: false,
  },
  test: {
    include: ["tests/**/*.test.{ts,tsx}"],
    // ts-mls goes through the build's repair here too
    server: { deps: { inline: [/ts-mls/] } },
  },
})
