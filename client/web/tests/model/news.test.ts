/** What the page is told. */

import { expect, test } from "vitest"
import type { News } from "../../src/model/contract.ts"
import { Newsroom } from "../../src/model/news.ts"
import { roomNow } from "../stage/people.ts"

test("a room that changed between the page's question and its being open is told as it is", () => {
  const told: News[] = []
  let connection: "catching-up" | "live" = "catching-up"
  const newsroom = new Newsroom((news) => told.push(news), {
    lobby: () => ({ isLasting: false, rooms: [], knocks: [], hosts: [], makings: [] }),
    room: (id) => ({ ...roomNow(id, 0), connection }),
    entries: () => [],
  })
  connection = "live"
  newsroom.changed("room", [], false) // nobody has opened it: it is not told
  newsroom.open("room")
  newsroom.end()
  expect(told.filter((one) => one.news === "room").map((one) => one.room.connection)).toEqual(["live"])
})
