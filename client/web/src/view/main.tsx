/** The page's beginning. */

import "./arrival.ts" // first: see there
import { startEngine } from "../model/remote.ts"
import { hear, makeApp } from "./app/app.ts"
import { arrival } from "./arrival.ts"
import { show } from "./show.tsx"

const app = makeApp(startEngine((news) => hear(app, news)))
show(app, arrival)
